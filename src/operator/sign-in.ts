import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { errorName } from '../errors.js'
import { askLine, canAsk } from '../terminal/ask.js'
import { inLine } from '../terminal/clean.js'
import { NotPossible } from '../terminal/failure.js'
import type { CommandIo } from '../terminal/io.js'
import { proxyFaultIn } from '../upstreams/connections/proxy.js'
import type { OperatorUpstreams } from '../upstreams/operator.js'
import { ofProfile, wayAdvice } from './advice.js'

/** Longest wait for a source of credentials that does not answer; while a person is asked, nothing is counted. */
const SOURCE_MS = 60_000

/** How a command comes by the AWS credentials of the person who runs it. */
export interface SignIn {
  /** For a profile with `mfa_serial`: the code that the person's device shows. */
  askCode(serial: string): Promise<string>
  /**
   * Fetches the credentials before anything is asked of AWS, so that every command says the same of them.
   * @throws NotPossible with the words of their source, and what to do
   */
  run(upstreams: Pick<OperatorUpstreams, 'signIn'>): Promise<void>
}

export function createSignIn(io: CommandIo): SignIn {
  let stopWaiting = () => {}
  return {
    async askCode(serial) {
      stopWaiting()
      if (!canAsk(io)) throw new NotPossible(noTerminalText(serial, io.env))
      const code = await askLine(`MFA code of ${serial}: `, io)
      if (/^\d{6}$/.test(code)) return code
      throw new NotPossible('an MFA code has six digits: nothing was done')
    },
    async run({ signIn }) {
      const silent = new Promise<never>((_, reject) => {
        stopWaiting = io.clock.after(SOURCE_MS, () => reject(new Error('their source does not answer')))
      })
      try {
        await Promise.race([signIn(), silent])
      } catch (error) {
        throw error instanceof NotPossible ? error : new NotPossible(noCredentialsText(error, io.env), { cause: error })
      } finally {
        stopWaiting()
      }
    },
  }
}

function noTerminalText(serial: string, env: CommandIo['env']): string {
  return (
    `the AWS credentials${ofProfile(env)} need a code of the MFA device ${inLine(serial)}, and there is no terminal to ask ` +
    'for it on: run this on a terminal, or export the variables of a session that has its code already'
  )
}

/** Variables of which each names a source of credentials. */
const SOURCES = [
  ...['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'],
  ...['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
]

/** A sentence beside settings that are missing, if AWS credentials seem to be missing too; nobody is asked for them. */
export function unseenCredentialsText(env: CommandIo['env'], home = homedir()): string | undefined {
  const files = [
    env.AWS_SHARED_CREDENTIALS_FILE || join(home, '.aws', 'credentials'),
    env.AWS_CONFIG_FILE || join(home, '.aws', 'config'),
  ]
  if (SOURCES.some((name) => env[name]) || files.some((file) => existsSync(file))) return undefined
  return `Nor are AWS credentials to be seen: unless this machine has a role of its own, ${SIGN_IN}.`
}

const SIGN_IN = 'sign in (aws sso login, aws configure), or name a profile in AWS_PROFILE'

/** What the SDK says if none of its sources has any. */
const NONE_ANYWHERE = /^Could not load credentials from any providers/

function noCredentialsText(error: unknown, env: CommandIo['env']): string {
  // Some sources write another error's name before its words.
  const text = error instanceof Error ? error.message.replace(/\s+/g, ' ').replace(/^Error: /, '') : 'no word'
  const said = inLine(text.trim().replace(/\.$/, ''))
  const profile = ofProfile(env)
  if (!NONE_ANYWHERE.test(said)) {
    const errorType = codeIn(error, said)
    const advice = wayAdvice({ errorType, timeUp: false, cause: proxyFaultIn(said) ?? error }, env)
    return `no AWS credentials${profile}: ${said}${advice === undefined ? '' : `: ${advice}`}`
  }
  return profile === ''
    ? `no AWS credentials here: ${SIGN_IN}`
    : `no AWS credentials${profile}: there is no such profile, or it holds none; aws configure list-profiles names those there are`
}

/** Node's name for what went wrong: of the error, or in its words where a source keeps nothing else. */
function codeIn(error: unknown, said: string): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return errorName(code) ?? /\b(?:E[A-Z]{4,}|EAI_AGAIN|[A-Z]+_CERT[A-Z_]*)\b/.exec(said)?.[0]
}
