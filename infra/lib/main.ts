import { basename } from 'node:path'
import { App } from 'aws-cdk-lib'
import { createApp } from './app.js'
import { ConfigInvalid, readConfig } from './config/read.js'

/** Where `npm run build:lambda` of the root puts the function; commands run in this package's folder. */
const BUNDLE = '../dist/lambda'

/** The config's path: an argument, or `-c config=…` of the CDK's command line. */
function configPath(): string {
  const path: unknown = process.argv[2] ?? new App({ autoSynth: false }).node.tryGetContext('config')
  if (typeof path === 'string' && path !== '') return path
  throw new ConfigInvalid('which config? Give its path: node dist/main.mjs config/production.json, or -c config=…')
}

try {
  const path = configPath()
  // The command line chooses the folder itself; by hand, two configs must not end up in one.
  const outdir = process.env.CDK_OUTDIR ?? `cdk.out/${basename(path, '.json')}`
  createApp(readConfig(path), { bundle: BUNDLE, outdir }).synth()
} catch (error) {
  if (!(error instanceof ConfigInvalid) && !isGatewayError(error)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}

/** A setting that the service's own reader refused. */
function isGatewayError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'GW_ERR_ENV_INVALID'
}
