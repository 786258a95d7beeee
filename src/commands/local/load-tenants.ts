import { join } from 'node:path'
import { operator } from '../../local/accounts.js'
import { useNoAccount } from '../../local/aws/variables.js'
import { toLocal } from '../../local/world/tenants.js'
import type { World } from '../../local/world/world.js'
import type { CommandIo, Output } from '../../terminal/io.js'
import { applyTenants } from '../tenants/apply.js'

/**
 * Brings the tenants into the table with the operator's command and rights, from copies that name the Corbado of this
 * stack.
 * @param dir folder of the files
 * @returns false if the command found problems, which it has reported
 */
export async function loadTenants({ stack, workspace, examples }: World, dir: string, io: CommandIo): Promise<boolean> {
  const env = stack.envFor(operator)
  for (const { tenant } of examples) {
    const name = `${tenant.tenantId}.yaml`
    await workspace.copyTenant(join(dir, name), name, toLocal(tenant, stack).corbado.backendApiUrl)
  }
  // The AWS SDK looks for endpoints and credentials in the process's own environment.
  useNoAccount(env)
  let complete = true
  const foundProblems = () => {
    complete = false
    io.foundProblems()
  }
  const { TERM, NO_COLOR } = io.env
  const operatorIo = { ...io, env: { ...env, TERM, NO_COLOR }, stdout: indented(io.stdout), foundProblems }
  await applyTenants(workspace.tenantsDir, { yes: true, seed: true, by: 'npm-start' }, operatorIo)
  return complete
}

/** Moves every line to the right. */
function indented(output: Output): Output {
  return { isTTY: output.isTTY, write: (text) => output.write(text.replace(/^(?=.)/gm, '  ')) }
}
