import { customerRoleTemplateText } from '../../src/operator/role/cloudformation.js'
import { terraformModule } from './terraform-module.js'

/** What a customer deploys, by its path below infra/customer: made of the description in src/operator/role/role.ts. */
export function customerFiles(): Record<string, string> {
  const module = Object.entries(terraformModule()).map(([name, text]) => [`terraform/${name}`, text])
  return { 'role.template.json': customerRoleTemplateText(), ...Object.fromEntries(module) }
}
