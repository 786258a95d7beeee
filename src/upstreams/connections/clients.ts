/**
 * Clients for this many sets of credentials are kept. One takes 19 KB and is made in 0.1 ms, so the thousands of tenants
 * whose credentials are here do not have one each.
 */
const CLIENTS_MAX = 500

/** The clients of one AWS service that were made last. */
export interface RecentClients<Credentials, Client> {
  /**
   * The client for a region and a set of credentials; null stands for the process's own. It is found by the credentials
   * themselves, so none ever signs with another's, and it goes when they do.
   */
  of(region: string, credentials: Credentials | null): Client
}

/** @param create makes a client that signs with these credentials */
export function createRecentClients<Credentials extends object, Client extends object>(
  create: (region: string, credentials: Credentials | null) => Client,
): RecentClients<Credentials, Client> {
  const own = new Map<string, Client>()
  const byCredentials = new WeakMap<Credentials, Client>()
  /** Whose clients are here, the oldest first. Weak, so that credentials which are dropped elsewhere are gone. */
  const made: WeakRef<Credentials>[] = []

  function keep(credentials: Credentials, client: Client): void {
    byCredentials.set(credentials, client)
    made.push(new WeakRef(credentials))
    const oldest = made.length > CLIENTS_MAX ? made.shift()?.deref() : undefined
    if (oldest) byCredentials.delete(oldest)
  }

  return {
    of(region, credentials) {
      const known = credentials ? byCredentials.get(credentials) : own.get(region)
      if (known) return known
      const client = create(region, credentials)
      if (credentials) keep(credentials, client)
      else own.set(region, client)
      return client
    },
  }
}
