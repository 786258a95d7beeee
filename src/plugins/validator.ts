import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
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
 * own validator would do all three.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const fits = createCheck(schema)
  return (body: unknown) => {
    if (fits(body)) return { value: body }
    const [first] = Errors(schema, body)
    const missing = first?.keyword === 'required' ? `/${first.params.requiredProperties.join(', ')}` : ''
    // The place and the rule, never the value: it may be a proof.
    return { error: new RequestInvalid(`${first?.instancePath}${missing} ${first?.message}`.trim()) }
  }
}

/** Compiling a schema takes 2 ms, which a cold start's first event need not pay; every later one is 15 µs faster. */
function createCheck(schema: TSchema): (body: unknown) => boolean {
  let calls = 0
  let compiled: ReturnType<typeof Compile> | undefined
  return (body) => {
    calls += 1
    if (calls === 1) return Check(schema, body)
    compiled ??= Compile(schema)
    return compiled.Check(body)
  }
}

/** Answers are written as they are: a serializer made from a schema would drop what the schema does not name. */
export const serializerCompiler: FastifySerializerCompiler<unknown> = () => (answer) => JSON.stringify(answer)
