import { join } from 'node:path'
import { operator } from '../../local/accounts.js'
import { useNoAccount } from '../../local/aws/variables.js'
import type { Example } from '../../local/world/example.js'
import { toLocal } from '../../local/world/tenants.js'
import type { TenantChange } from '../../local/world/workspace.js'
import type { World } from '../../local/world/world.js'
import type { CommandIo, Output } from '../../terminal/io.js'
import { applyTenants } from '../tenants/apply.js'

/**
 * Brings the tenants into the table with the operator's command and rights, from copies that name the Corbado of this
 * stack.
 * @param dir folder of the files
 * @param changesOf what else a tenant's copy says
 * @returns false if the command found problems, which it has reported
 */
export async function loadTenants(
  { stack, workspace, examples }: World,
  dir: string,
  io: CommandIo,
  changesOf: (example: Example) => readonly TenantChange[] = () => [],
): Promise<boolean> {
  const env = stack.envFor(operator)
  for (const example of examples) {
    const { tenant } = example
    const name = `${tenant.tenantId}.yaml`
    const address = { path: ['corbado', 'backendApiUrl'], value: toLocal(tenant, stack).corbado.backendApiUrl }
    await workspace.copyTenant(join(dir, name), name, [address, ...changesOf(example)])
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
