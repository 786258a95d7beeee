import { Document, isMap, isPair, isScalar, visit } from 'yaml'

/** What a new file says of its fields, by their path. */
const comments: Readonly<Record<string, string>> = {
  tenantId: 'unique, and the name of this file',
  customer: 'the same in every pool of one customer',
  status: 'draft until corbado-gateway tenants activate',
  alias: "the pool's triggers point at this alias of the gateway's function",
  'aws.accountId': 'in quotes: it is a text, and may begin with a zero',
  'aws.externalId': 'of this account, for all its pools; not a secret',
  'corbado.credentialParameter': 'the name of the secret, never the secret: corbado-gateway secret set',
  'corbado.credentialScheme': 'basic (base64 of projectID:apiSecret) or bearer',
  'login.flow': 'passkey, or password-then-passkey',
  'actions.preLogin.identifierAttribute': 'email, phone_number or preferred_username',
  'actions.postAppend.mfa': 'sms, email, software-token or none: changes how users sign in with a password',
}

/** A config as the text of a tenant's file, with a word on the fields that need one. */
export function tenantYaml(config: Readonly<Record<string, unknown>>): string {
  const document = new Document(config)
  document.commentBefore = ' yaml-language-server: $schema=./schema.json'
  visit(document, {
    Pair(_, { key, value }, path) {
      const names = [...path.filter(isPair).map((pair) => pair.key), key]
      const comment = comments[names.map((name) => (isScalar(name) ? name.value : name)).join('.')]
      if (comment !== undefined && isScalar(value)) value.comment = ` ${comment}`
      // A blank line before each group of fields.
      if (isMap(value) && names.length === 1 && isScalar(key)) key.spaceBefore = true
    },
  })
  return document.toString({ lineWidth: 0 })
}
