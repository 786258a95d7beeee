import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { Internal, RequestInvalid } from '../errors.js'

function notNeeded(): never {
  throw new Internal()
}

/**
 * For Fastify's `schemaController`: with these, Ajv and fast-json-stringify are neither loaded nor bundled. They are never
 * called, since an app that has schemas sets the compilers below.
 */
export const noCompilers = { compilersFactory: { buildValidator: notNeeded, buildSerializer: notNeeded } }

/**
 * Checks a body against its TypeBox schema and changes nothing in it: no coercion, no defaults, no removal. Fastify's
 * own validator would do all three, and compiling its schemas costs a cold start about 30 ms.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> =
  ({ schema }) =>
  (body: unknown) => {
    if (Check(schema, body)) return { value: body }
    const [first] = Errors(schema, body)
    const missing = first?.keyword === 'required' ? `/${first.params.requiredProperties.join(', ')}` : ''
    // The place and the rule, never the value: it may be a proof.
    return { error: new RequestInvalid(`${first?.instancePath}${missing} ${first?.message}`.trim()) }
  }

/** Answers are written as they are: a serializer made from a schema would drop what the schema does not name. */
export const serializerCompiler: FastifySerializerCompiler<unknown> = () => (answer) => JSON.stringify(answer)
