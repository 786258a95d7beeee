import { randomInt } from 'node:crypto'
import { type Fields, fieldsOf } from '../../fields.js'
import type { Handler } from '../lambda/index.js'

// A customer's own login without passkeys, which goes on at some app clients: what a pool may have had before Corbado.

/** One past challenge, as a function finds it in its event. */
interface Entry {
  readonly challengeName: string
  readonly challengeResult: boolean
  readonly challengeMetadata: string | null
}

/** What the functions read of an event; the rest they hand back. */
interface Event extends Fields {
  readonly triggerSource: string
  readonly userName: string
  readonly request: Fields
}

/** A login of the customer's own: each part makes the response of one trigger. */
export interface OwnLogin {
  define(session: readonly Entry[], request: Fields): Fields
  create(session: readonly Entry[], request: Fields, event: Event): Fields
  verify(privateParameters: Fields, answer: string, event: Event): boolean
}

/** What was sent to whom; the last one is what a user has at hand. */
export interface Outbox {
  readonly sent: readonly Sent[]
  /** Text of the last one; empty if nothing was sent yet. */
  last(): string
  send(message: Sent): void
  /** From now on each message is told, once it was sent. */
  onMessage(listener: (message: Sent) => void): void
}
interface Sent {
  readonly to: unknown
  readonly text: string
}

/** Where the functions' messages go. */
export function createOutbox(): Outbox {
  const sent: Sent[] = []
  const listeners: ((message: Sent) => void)[] = []
  return {
    sent,
    last: () => sent.at(-1)?.text ?? '',
    onMessage: (listener) => void listeners.push(listener),
    send(message) {
      sent.push(message)
      for (const listener of listeners) listener(message)
    },
  }
}

const tokens = { issueTokens: true, failAuthentication: false }
const fail = { issueTokens: false, failAuthentication: true }
const ask = (challengeName: string) => ({ challengeName, issueTokens: false, failAuthentication: false })

/** One function for all three triggers, which answers with the whole event. */
export function ownFunction({ define, create, verify }: OwnLogin): Handler {
  return async (given) => {
    const event = given as Event
    const { request } = event
    const session = (request.session ?? []) as Entry[]
    const respond = (response: Fields) => ({ ...event, response })
    if (event.triggerSource.startsWith('Define')) return respond(define(session, request))
    if (event.triggerSource.startsWith('Create')) return respond(create(session, request, event))
    const answerCorrect = verify(fieldsOf(request.privateChallengeParameters), String(request.challengeAnswer), event)
    return respond({ answerCorrect })
  }
}

/**
 * A code by mail, as AWS's public sample of it documents it: three tries, the same code in each, which the metadata carries on.
 */
export function mailCode(outbox: Outbox): OwnLogin {
  return {
    define(session) {
      if (session.some(({ challengeName }) => challengeName !== 'CUSTOM_CHALLENGE')) return fail
      if (session.at(-1)?.challengeResult === true) return tokens
      return session.length >= 3 ? fail : ask('CUSTOM_CHALLENGE')
    },
    create(session, { userAttributes }) {
      const [, before] = /^CODE-(\d{6})$/.exec(session.at(-1)?.challengeMetadata ?? '') ?? []
      const code = before ?? String(randomInt(1_000_000)).padStart(6, '0')
      const { email } = fieldsOf(userAttributes)
      if (before === undefined) outbox.send({ to: email, text: code })
      return {
        publicChallengeParameters: { email: String(email) },
        privateChallengeParameters: { secretLoginCode: code },
        challengeMetadata: `CODE-${code}`,
      }
    },
    verify: ({ secretLoginCode }, answer) => answer === secretLoginCode,
  }
}
