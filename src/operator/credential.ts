import type { TenantFile } from '../tenant/config.js'

/** A credential in the form in which the gateway reads it, or what is wrong with it: never the value nor a part of it. */
export type ReadSecret =
  | { readonly kind: 'usable'; readonly value: string; readonly taken: string }
  | { readonly kind: 'refused'; readonly why: string }

type Corbado = Pick<TenantFile['corbado'], 'projectId' | 'credentialScheme'>

/** Corbado's own form of API secrets (fact C2). */
const apiSecret = /^corbado\d+_[\w.~+/=-]+$/

/** Longest value of a standard SSM parameter (fact A38). */
const SECRET_LENGTH_MAX = 4_096

/** Checks what was given as a tenant's Backend API credential. One final line end does not count. */
export function readSecret(given: string, { projectId, credentialScheme }: Corbado): ReadSecret {
  const text = given.replace(/\r?\n$/, '')
  if (text === '') return refused('nothing was given')
  if (text.length > SECRET_LENGTH_MAX) return refused(`it is longer than ${SECRET_LENGTH_MAX} characters`)
  const wrapping = wrappingOf(text)
  if (wrapping !== undefined) return refused(wrapping)
  if (/[^\x21-\x7e]/.test(text))
    return refused('it holds spaces, line breaks or other characters that no credential has')
  return credentialScheme === 'basic' ? readBasic(text, projectId) : readBearer(text)
}

/** Cognito's own form of app clients' secrets (API model), as the gateway takes it. */
const clientSecret = /^[\w+]{1,64}$/

/** The name of the parameter that is proposed for it: beside the credential, below the pool's id. */
export function clientSecretName({ credentialParameter }: Pick<TenantFile['corbado'], 'credentialParameter'>): string {
  return credentialParameter.replace(/[^/]*$/, 'client-secret')
}

/** Checks what was given as the secret of an app client. One final line end does not count. */
export function readClientSecret(given: string, clientId: string): ReadSecret {
  const text = given.replace(/\r?\n$/, '')
  if (text === '') return refused('nothing was given')
  const wrapping = wrappingOf(text)
  if (wrapping !== undefined) return refused(wrapping)
  if (text === clientId) return refused("it is the app client's id, not its secret")
  if (apiSecret.test(text) || /^pro-\d+:/.test(text)) {
    return refused("it is Corbado's API secret, not that of the app client: store that one without --client")
  }
  if (!clientSecret.test(text))
    return refused('it is longer, or holds other characters, than any secret of an app client')
  return { kind: 'usable', value: text, taken: 'secret of the app client' }
}

function readBasic(text: string, projectId: string): ReadSecret {
  if (apiSecret.test(text)) return refused('it is the API secret alone: give projectID:apiSecret')
  const encoded = !text.includes(':')
  const pair = encoded ? decoded(text) : text
  const inside = encoded && pair !== undefined ? insideOf(pair) : undefined
  if (inside !== undefined) return refused(`it is base64 of a text that ${inside}`)
  const [project = '', secret = ''] = pair?.split(/:(.*)/s) ?? []
  if (pair === undefined || !/^pro-\d+$/.test(project)) {
    return refused('it is neither projectID:apiSecret nor base64 of that, which credentialScheme basic asks for')
  }
  if (project !== projectId) return refused(`it is of project ${project}, but the tenant's is ${projectId}`)
  if (!apiSecret.test(secret)) return refused("its API secret does not begin as Corbado's do (corbado1_)")
  const taken = encoded ? 'base64 of projectID:apiSecret' : 'projectID:apiSecret, stored as base64 of it'
  return { kind: 'usable', value: Buffer.from(pair).toString('base64'), taken }
}

function readBearer(text: string): ReadSecret {
  if (!/^[\w.~+/-]+=*$/.test(text)) return refused('it holds characters that no bearer key has')
  if (/^pro-\d+:/.test(decoded(text) ?? '')) {
    return refused('it is base64 of projectID:apiSecret, but credentialScheme is bearer')
  }
  return { kind: 'usable', value: text, taken: 'bearer key' }
}

/** What base64 stands for; undefined if it is none. */
function decoded(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '') ? bytes.toString('utf8') : undefined
}

/** What programs put around a credential, so that its cause is named and not what follows from it. */
function wrappingOf(text: string): string | undefined {
  if (text.startsWith('\ufeff'))
    return 'it begins with a byte order mark (BOM), as some editors write it: save it without'
  if (/^(["'`]).*\1$/s.test(text)) return 'it stands in quotes: give it without them'
  const lines = text.split(/\r?\n/)
  if (lines.length > 1 && lines.every((line) => /^[A-Za-z0-9+/]+={0,2}$/.test(line))) {
    return 'it is base64 that was broken into lines: make it with base64 -w0, or give projectID:apiSecret itself'
  }
  return undefined
}

/** The same of what was encoded; completes "a text that …". */
function insideOf(pair: string): string | undefined {
  if (/[\r\n]$/.test(pair))
    return 'ends with a line break, as echo writes it: use printf %s, or give projectID:apiSecret itself'
  if (pair.startsWith('\ufeff'))
    return 'begins with a byte order mark (BOM): save it without, or give projectID:apiSecret itself'
  if (/^(["'`]).*\1$/s.test(pair)) return 'stands in quotes: give projectID:apiSecret itself, without them'
  return undefined
}

function refused(why: string): ReadSecret {
  return { kind: 'refused', why }
}
