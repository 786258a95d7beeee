import type { Clock } from '../../call.js'
import type { Identity, Principal } from './identity.js'
import type { SignedRequest } from './signature.js'

export interface WireRequest extends SignedRequest {
  /** Verified signer, where the service authenticates with SigV4. */
  readonly principal?: Principal
  /** Region that the request was signed for. */
  readonly region?: string
}

export interface WireAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Objects are sent as JSON. */
  readonly body?: string | Buffer | object
}

export interface RecordedCall {
  readonly operation: string
  /** ARN of the verified signer, or what the stand-in calls its caller. */
  readonly principal: string | undefined
  readonly input: unknown
  /** By the injected clock. */
  readonly at: number
  /** Ordinal of the TCP connection, from 1: lets tests see keep-alive. */
  readonly connection: number
}

export type Fault =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'garbage' }

/** A running stand-in for one counterpart of the gateway. */
export interface StandIn {
  readonly name: string
  readonly url: string
  readonly port: number
  readonly calls: RecordedCall[]
  /**
   * Breaks the stand-in; `undefined` heals it. `refuse` really closes the listener, and healing reopens the same port.
   * `only` limits the fault to one operation, which `refuse` cannot.
   */
  setFault(fault: Fault | undefined, only?: string): Promise<void>
  stop(): Promise<void>
}

export interface StandInOptions {
  readonly name: string
  /** 0 or none: any free one. */
  readonly port?: number | undefined
  readonly clock: Clock
  /** Names the operation, e.g. from x-amz-target, for recording and faults. */
  operationOf(request: WireRequest): string
  handle(request: WireRequest, operation: string): Promise<WireAnswer> | WireAnswer
  /** How this service words an HTTP error status (429, 500 …) of an injected fault. */
  faultAnswer(status: number): WireAnswer
  /** Where given, every request's SigV4 signature is checked against it before handle(). */
  readonly identity?: Identity
  /** Name of the service in the signature's scope; `name` by default. */
  readonly service?: string
  /** Error answer when authentication fails; by default as JSON services give it. */
  denied?(code: string, message: string): WireAnswer
  /** Operations that need no signature. */
  readonly unsigned?: readonly string[]
  /** What calls[].input records; by default the parsed JSON body. */
  inputOf?(request: WireRequest): unknown
  /** Names the caller for calls[].principal where the service does not use SigV4. */
  callerOf?(request: WireRequest): string | undefined
}
