/**
 * SHA-256 of the files of the Terraform module in infra/customer/terraform, which is made of the same description as the
 * template; a test compares them with the files.
 */
export const MODULE_CHECKSUMS = {
  'main.tf': '81e8feb6f4c37777090c5535514fd5efcd05aaf55d684e12a1964f1ea6b4d323',
  'outputs.tf': 'c54f2b0986d2202e04cc120b3e938b8429f44858b303c7a7ea58dd3c69111ddd',
  'variables.tf': '335451296ad0f5e82e2f66c6f3dcdcff9325f8f3bd2cf23c63269fa6fcc7cbb2',
} as const

export type ModuleFile = keyof typeof MODULE_CHECKSUMS

/** Where a file of the module lies: beside the template. */
export function moduleUrl(templateUrl: string, file: string): string {
  return new URL(`terraform/${file}`, templateUrl).href
}
