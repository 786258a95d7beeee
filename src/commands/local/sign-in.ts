import { type Command, Option } from 'commander'
import { type App, type Apps, readApps } from '../../local/clients/apps.js'
import type { SignIn } from '../../local/clients/sign-in.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { defineCommand } from '../../terminal/command.js'
import { WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'

interface SignInOptions {
  readonly user?: string
  readonly flow: SignIn['flow']
  readonly append?: true
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
    examples: [`${path} eu-central-1_Ac0meSh0p`, `${path} eu-central-1_N0rthw1nd --flow password`],
  })
    .argument('<userPoolId>', 'id of the user pool')
    .option('--user <identifier>', 'what the user types (default: the first user of the pool)')
    .addOption(new Option('--flow <flow>', 'how to sign in').choices(FLOWS).default('passkey'))
    .option('--append', 'then add a passkey, as the app does: Corbado runs post-append')
    .option('--json', 'print { kind: "local-sign-in", userPoolId, identifier, flow, signedIn, steps }')
    .action(async (userPoolId: string, options: SignInOptions) => {
      const apps = await readApps(io.env)
      const app = appOf(apps, userPoolId)
      const user = userOf(app, options.user)
      // The client library takes longer to load than all the rest, and wrong arguments are refused without it.
      const { signIn } = await import('../../local/clients/sign-in.js')
      const { flow, append = false, json } = options
      const report = await signIn({ ...apps, app, user, flow, append })
      if (!report.steps.every(({ ok }) => ok)) io.foundProblems()
      if (json) return writeAnswer(io, 'local-sign-in', { userPoolId, identifier: user.identifier, flow, ...report })
      const paint = createPaint(io.stdout, io.env)
      const width = Math.max(...report.steps.map(({ step }) => step.length))
      const lines = report.steps.map(({ step, ok, unchanged, outcome }) => {
        const mark = ok ? (unchanged ? paint('dim', '–') : paint('green', '✓')) : paint('red', '✗')
        return `  ${mark} ${step.padEnd(width)}  ${outcome}\n`
      })
      io.stdout.write(`${user.identifier} signs in at ${userPoolId}\n${lines.join('')}`)
    })
}

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
