#!/usr/bin/env node
/**
 * The door of the command line. Every Node since 12 can parse it, so that an old one gets a clear refusal: nothing is
 * imported before the version is checked, and the syntax is that of 2018.
 */

/** The same as `engines` in package.json; a test compares the two. */
const NODE_MIN = [20, 19]

async function run(): Promise<void> {
  const [{ runCli }, { systemClock }] = await Promise.all([import('./commands/index.js'), import('./call.js')])
  const { argv, env, stdin, stdout, stderr } = process
  // Whoever reads our output may stop early, as `head` does: the command still runs to its end and keeps its exit code.
  // Output lost for another cause, such as a full disk, gets one line and exit code 1, as a script would miss it.
  let lost = false
  for (const output of [stdout, stderr]) {
    output.on('error', ({ code }) => {
      if (code === 'EPIPE' || lost) return
      lost = true
      process.exitCode = 1
      if (output === stdout) stderr.write(`error: the output could not be written (${code})\n`)
    })
  }
  const io = { stdin, stdout, stderr, env, clock: systemClock, built: import.meta.dirname }
  const exitCode = await runCli(argv.slice(2), io)
  process.exitCode = lost ? 1 : exitCode
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const [majorMin = 0, minorMin = 0] = NODE_MIN
if (major < majorMin || (major === majorMin && minor < minorMin)) {
  const needed = `corbado-gateway needs Node.js ${NODE_MIN.join('.')} or newer`
  process.stderr.write(`error: ${needed}; this is ${process.versions.node}\n`)
  process.exitCode = 2
} else {
  // The AWS SDK would print eight lines about Node 20 before any answer.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  // Node's own exit code for a promise that never settles; the command's replaces it.
  process.exitCode = 13
  run()
}
