import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../call.js'

/** A passkey that somebody made for an account. */
export interface Passkey {
  /** Corbado's name of it: `cre-…`. */
  readonly id: string
  readonly projectId: string
  /** Cognito's user name, whose bytes are the passkey's user handle. */
  readonly username: string
  /** Base64url, as are all ids of the authenticator. */
  readonly credentialId: string
  readonly publicKey: Uint8Array<ArrayBuffer>
  /** The authenticator's own count of its uses; 0 if it does not count. */
  readonly counter: number
  readonly transports: readonly string[]
  readonly aaguid: string
  /** Synced, or of one device. */
  readonly synced: boolean
  readonly backedUp: boolean
  readonly sourceOs: string
  readonly sourceBrowser: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly usedAt: number
}

export interface Passkeys {
  add(passkey: Omit<Passkey, 'id' | 'createdAt' | 'usedAt'>): Passkey
  /** Of any project: all of them share one RP ID. */
  byCredential(credentialId: string): Passkey | undefined
  /** The newest first. */
  of(projectId: string, username: string): readonly Passkey[]
  /** The authenticator was used and counts so far now. */
  used(passkey: Passkey, counter: number): void
  /** false if the user has no passkey of that id. */
  remove(projectId: string, username: string, id: string): boolean
}

/** Keeps the passkeys of all projects. */
export function createPasskeys(clock: Clock): Passkeys {
  const passkeys = new Map<string, Passkey>()
  const isOf = (projectId: string, username: string) => (one: Passkey) =>
    one.projectId === projectId && one.username === username
  return {
    add(about) {
      const id = `cre-${randomBytes(8).readBigUInt64BE()}`
      const passkey = { ...about, id, createdAt: clock.now(), usedAt: clock.now() }
      passkeys.set(passkey.credentialId, passkey)
      return passkey
    },
    byCredential: (credentialId) => passkeys.get(credentialId),
    of: (projectId, username) => [...passkeys.values()].filter(isOf(projectId, username)).reverse(),
    used(passkey, counter) {
      passkeys.set(passkey.credentialId, { ...passkey, counter, usedAt: clock.now() })
    },
    remove(projectId, username, id) {
      const passkey = [...passkeys.values()].filter(isOf(projectId, username)).find((one) => one.id === id)
      return passkey !== undefined && passkeys.delete(passkey.credentialId)
    },
  }
}

const SYSTEMS: readonly [pattern: RegExp, name: string][] = [
  [/Windows/, 'Windows'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS X/, 'macOS'],
  [/Android/, 'Android'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
]
/** Each also says the name of those that come after it. */
const BROWSERS: readonly [pattern: RegExp, name: string][] = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]

/** Where a passkey was made, as the browser's own name tells. */
export function sourceOf(userAgent: string) {
  const nameIn = (list: typeof SYSTEMS) => list.find(([pattern]) => pattern.test(userAgent))?.[1] ?? ''
  return { sourceOs: nameIn(SYSTEMS), sourceBrowser: nameIn(BROWSERS) }
}

/** A passkey as `manage/list` answers it. */
export function passkeyView({ credentialId, createdAt, usedAt, synced, backedUp, ...passkey }: Passkey) {
  return {
    id: passkey.id,
    credentialID: credentialId,
    attestationType: 'none',
    transport: passkey.transports,
    backupEligible: synced,
    backupState: backedUp,
    authenticatorAAGUID: passkey.aaguid,
    sourceOS: passkey.sourceOs,
    sourceBrowser: passkey.sourceBrowser,
    created: new Date(createdAt).toISOString(),
    createdMs: createdAt,
    lastUsed: new Date(usedAt).toISOString(),
    lastUsedMs: usedAt,
    status: 'active',
    aaguidDetails: { name: synced ? 'Synced passkey' : 'Passkey of one device', iconLight: '', iconDark: '' },
    tags: [],
  }
}
