/**
 * SHA-256 of the files of the Terraform module in infra/customer/terraform, which is made of the same description as the
 * template; a test compares them with the files.
 */
export const MODULE_CHECKSUMS = {
  'main.tf': '820780e6c7faccdda07ab6245714248131d4fdd6492530ef99a0ed90989cc031',
  'outputs.tf': 'd2b5d897aec21b387680a79142c608d8eb20cb7b4ba67c54c1ea53609feaf61e',
  'variables.tf': '3c2aec0474cfa822725185810d309fcc71521111c1240bfa57edd879265ab6fe',
} as const

export type ModuleFile = keyof typeof MODULE_CHECKSUMS

/** Where a file of the module lies: beside the template. */
export function moduleUrl(templateUrl: string, file: string): string {
  return new URL(`terraform/${file}`, templateUrl).href
}
