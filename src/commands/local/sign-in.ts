import { type Command, Option } from 'commander'
import { fieldsOf } from '../../fields.js'
import { type App, type Apps, readApps } from '../../local/clients/apps.js'
import type { Tokens } from '../../local/clients/login.js'
import type { SignIn } from '../../local/clients/sign-in.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { defineCommand } from '../../terminal/command.js'
import { WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'

interface SignInOptions {
  readonly user?: string
  readonly flow?: SignIn['flow']
  readonly append?: true
  readonly claims?: true
  readonly tokens?: true
  readonly json?: true
}

const FLOWS: readonly SignIn['flow'][] = ['passkey', 'password-then-passkey', 'password']

/** `local sign-in`: one login as a customer's app does it; exit code 1 if it is refused. */
export function signInCommand(io: CommandIo): Command {
  const path = 'corbado-gateway local sign-in'
  return defineCommand(io, {
    path,
    summary:
      "Signs a user of the embedded stack in, as the customer's app would: Corbado looks the user up and confirms the " +
      'passkey, Cognito asks the gateway. Exit code 1 if the login is refused.',
    examples: [
      `${path} eu-central-1_Ac0meSh0p`,
      `${path} eu-central-1_N0rthw1nd --flow password`,
      `${path} eu-central-1_N0rthw1nd --claims`,
    ],
  })
    .argument('<userPoolId>', 'id of the user pool')
    .option('--user <identifier>', 'what the user types (default: the first user of the pool)')
    .addOption(new Option('--flow <flow>', "how to sign in (default: the tenant's own)").choices(FLOWS))
    .option('--append', 'then add a passkey, as the app does: Corbado runs post-append')
    .option('--claims', 'then print what the tokens say: claims of the ID token and the access token')
    .option('--tokens', "then print the tokens themselves, for curl: they are the stand-in's, and open nothing else")
    .option(
      '--json',
      'print { kind: "local-sign-in", userPoolId, identifier, flow, signedIn, steps, claims?, tokens? }',
    )
    .action(async (userPoolId: string, options: SignInOptions) => {
      const apps = await readApps(io.env)
      const app = appOf(apps, userPoolId)
      const user = userOf(app, options.user)
      // The client library takes longer to load than all the rest, and wrong arguments are refused without it.
      const { signIn } = await import('../../local/clients/sign-in.js')
      const { flow = app.flow, append = false, json } = options
      const { tokens, ...report } = await signIn({ ...apps, app, user, flow, append })
      if (!report.steps.every(({ ok }) => ok)) io.foundProblems()
      const claims = options.claims &&
        tokens && { idToken: claimsOf(tokens.idToken), accessToken: claimsOf(tokens.accessToken) }
      const asked = { ...(claims && { claims }), ...(options.tokens && tokens && { tokens }) }
      if (json)
        return writeAnswer(io, 'local-sign-in', { userPoolId, identifier: user.identifier, flow, ...report, ...asked })
      const paint = createPaint(io.stdout, io.env)
      const width = Math.max(...report.steps.map(({ step }) => step.length))
      const lines = report.steps.map(({ step, ok, unchanged, outcome }) => {
        const mark = ok ? (unchanged ? paint('dim', '–') : paint('green', '✓')) : paint('red', '✗')
        return `  ${mark} ${step.padEnd(width)}  ${outcome}\n`
      })
      io.stdout.write(`${user.identifier} signs in at ${userPoolId}\n${lines.join('')}${tokensText(asked)}`)
    })
}

/** What a token says; it comes from the stand-in, over loopback. */
function claimsOf(token: string): Record<string, unknown> {
  return fieldsOf(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
}

/** The claims as JSON, and each token on one line, so that a shell can take it. */
function tokensText({ claims, tokens }: { readonly claims?: object; readonly tokens?: Tokens }): string {
  const said = Object.entries({ ...claims }).map(
    ([name, value]) => `${NAMES[name]} says ${JSON.stringify(value, undefined, 2)}\n`,
  )
  const own = Object.entries({ ...tokens }).map(([name, token]) => `${NAMES[name]}: ${token}\n`)
  return [...said, ...own].join('')
}

const NAMES: Readonly<Record<string, string>> = { idToken: 'ID token', accessToken: 'access token' }

function appOf({ apps }: Apps, userPoolId: string): App {
  const app = apps.find((one) => one.userPoolId === userPoolId)
  if (app) return app
  throw new WrongUsage(`no app signs in at ${userPoolId}; there are ${apps.map((one) => one.userPoolId).join(', ')}`)
}

function userOf({ users }: App, identifier: string | undefined): App['users'][number] {
  const user = users.find((one) => identifier === undefined || one.identifier === identifier)
  if (user) return user
  throw new WrongUsage(`${identifier} is no user there; there are ${users.map((one) => one.identifier).join(', ')}`)
}
