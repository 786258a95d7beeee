import type { Clock } from '../../../call.js'
import type { User, UserPool } from './pools.js'

/** What a message is for. */
export type Purpose = 'sign-up' | 'forgot-password' | 'mfa'

/** A mail or text that Cognito sent. */
export interface SentMessage {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly userPoolId: string
  readonly username: string
  readonly medium: 'email' | 'sms'
  readonly to: string
  readonly purpose: Purpose
  /** Of mails. */
  readonly subject?: string
  readonly text: string
  readonly code: string
}

/** How a message leaves Cognito. */
export interface Outbox {
  send(message: Omit<SentMessage, 'at' | 'text' | 'subject'>): void
  readonly messages: readonly SentMessage[]
  /** From now on each message is told, once it was sent. */
  onMessage(listener: (message: SentMessage) => void): void
}

/** Kept at most; the oldest go first. */
const MESSAGES_MAX = 1_000

/** Cognito's own templates, for pools that have none. */
const TEMPLATES: Readonly<Record<Purpose, string>> = {
  'sign-up': 'Your confirmation code is {####}',
  'forgot-password': 'Your password reset code is {####}',
  mfa: 'Your authentication code is {####}.',
}
const SUBJECTS: Readonly<Record<Purpose, string>> = {
  'sign-up': 'Your verification code',
  'forgot-password': 'Your verification code',
  mfa: 'Your authentication code',
}

/** Keeps what was sent, for whoever plays the user. */
export function createOutbox(clock: Clock): Outbox {
  const messages: SentMessage[] = []
  const listeners: ((message: SentMessage) => void)[] = []
  return {
    messages,
    onMessage: (listener) => void listeners.push(listener),
    send(about) {
      const text = TEMPLATES[about.purpose].replace('{####}', about.code)
      const subject = about.medium === 'email' ? { subject: SUBJECTS[about.purpose] } : {}
      const message = { ...about, ...subject, text, at: clock.now() }
      messages.push(message)
      if (messages.length > MESSAGES_MAX) messages.shift()
      for (const listener of listeners) listener(message)
    },
  }
}

/** By which of a user's addresses a code goes. */
export type Delivery = 'email' | 'phone_number'

/** `m***@e***` and `+*******5017`, as Cognito hides them. */
function masked(by: Delivery, address: string): string {
  if (by === 'phone_number') return `+${'*'.repeat(Math.max(address.length - 5, 0))}${address.slice(-4)}`
  const [name = '', domain = ''] = address.split('@')
  return `${name.slice(0, 1)}***@${domain.slice(0, 1)}***`
}

/** What a client is told of a code that was sent. */
export function deliveryDetails(by: Delivery, address: string) {
  const DeliveryMedium = by === 'email' ? 'EMAIL' : 'SMS'
  return { AttributeName: by, DeliveryMedium, Destination: masked(by, address) }
}

/** Sends a user a code. */
export function sendCode(
  outbox: Outbox,
  { userPoolId }: UserPool,
  { username, attributes }: User,
  { by, purpose, code }: { readonly by: Delivery; readonly purpose: Purpose; readonly code: string },
) {
  const to = attributes[by] ?? ''
  outbox.send({ userPoolId, username, medium: by === 'email' ? 'email' : 'sms', to, purpose, code })
  return deliveryDetails(by, to)
}
