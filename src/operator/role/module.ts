/**
 * SHA-256 of the files of the Terraform module in infra/customer/terraform, which is made of the same description as the
 * template; a test compares them with the files.
 */
export const MODULE_CHECKSUMS = {
  'main.tf': 'f3c1931d0a2e80462729e28c1f016f6e973cbc1485ec8adefe89463fd097b1d4',
  'outputs.tf': 'd2b5d897aec21b387680a79142c608d8eb20cb7b4ba67c54c1ea53609feaf61e',
  'variables.tf': 'bc6ee50c7d0cb9f5690172220f078f3294faff3b2aa7432fc015efad0e48ed80',
} as const

export type ModuleFile = keyof typeof MODULE_CHECKSUMS

/** Where a file of the module lies: beside the template. */
export function moduleUrl(templateUrl: string, file: string): string {
  return new URL(`terraform/${file}`, templateUrl).href
}
