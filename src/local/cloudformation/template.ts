import { parse } from 'yaml'
import { fieldAt, fieldsOf, isFields } from '../../fields.js'

/** The subset of a template's parameter that ours use. */
interface Parameter {
  readonly AllowedPattern?: string
  readonly AllowedValues?: readonly string[]
  readonly MaxLength?: number
  readonly Default?: string
}

interface Rule {
  readonly Assertions: readonly { readonly Assert: unknown; readonly AssertDescription: string }[]
}

export interface Template {
  readonly Parameters: Readonly<Record<string, Parameter>>
  readonly Rules?: Readonly<Record<string, Rule>>
  readonly Conditions: Readonly<Record<string, unknown>>
  readonly Resources: { readonly Role: { readonly Properties: unknown } }
}

/** A template that comes with the request, as JSON or YAML, of one role named Role, as ours; or what is wrong with it. */
export function parseTemplate(body: string): Template | string {
  let template: unknown
  try {
    template = parse(body)
  } catch {
    return 'Template format error: JSON or YAML not well-formed.'
  }
  const resources = fieldAt(template, 'Resources')
  if (!isFields(resources)) return 'Template format error: At least one Resources member must be defined.'
  const one = Object.keys(resources).join() === 'Role' && fieldAt(resources, 'Role', 'Type') === 'AWS::IAM::Role'
  if (!one) return 'The stand-in makes stacks of one AWS::IAM::Role named Role.'
  return { Parameters: {}, Conditions: {}, ...fieldsOf(template) } as Template
}

/** What stands for `AWS::NoValue` until it is taken out of its list or object. */
const NO_VALUE = Symbol('AWS::NoValue')

/** `Parameters.member.1.ParameterKey=…&Parameters.member.1.ParameterValue=…` as a map. */
export function readParameters(form: URLSearchParams): Map<string, string> {
  const keys = [...form].filter(([name]) => /^Parameters\.member\.\d+\.ParameterKey$/.test(name))
  return new Map(keys.map(([name, key]) => [key, form.get(name.replace('ParameterKey', 'ParameterValue')) ?? '']))
}

/** The parameters that were given, and the defaults of the others. */
export function withDefaults({ Parameters }: Template, given: ReadonlyMap<string, string>): Map<string, string> {
  const defaults = Object.entries(Parameters).flatMap(([name, { Default }]): [string, string][] =>
    Default === undefined ? [] : [[name, Default]],
  )
  return new Map([...defaults, ...given])
}

/** What is wrong with the parameters of a stack; undefined if nothing is. */
export function parameterFault({ Parameters }: Template, given: ReadonlyMap<string, string>): string | undefined {
  const unknown = [...given.keys()].filter((name) => !(name in Parameters))
  if (unknown.length > 0) return `Parameters: [${unknown.join(', ')}] do not exist in the template`
  const missing = Object.keys(Parameters).filter((name) => !given.has(name))
  if (missing.length > 0) return `Parameters: [${missing.join(', ')}] must have values`
  for (const [name, { AllowedPattern, AllowedValues, MaxLength }] of Object.entries(Parameters)) {
    const value = given.get(name) ?? ''
    if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(value)) {
      return `Parameter ${name} failed to satisfy constraint: Parameter ${name} must match pattern ${AllowedPattern}`
    }
    if (AllowedValues && !AllowedValues.includes(value)) {
      return `Parameter '${name}' must be one of AllowedValues`
    }
    if (MaxLength !== undefined && value.length > MaxLength) {
      return `Parameter '${name}' must contain at most ${MaxLength} characters`
    }
  }
  return undefined
}

/** What the first rule of a template that does not hold says; undefined if all do. The real words are not documented. */
export function ruleFault(template: Template, values: ReadonlyMap<string, string>): string | undefined {
  const evaluate = evaluator(template, values)
  for (const [name, { Assertions }] of Object.entries(template.Rules ?? {})) {
    const failed = Assertions.find(({ Assert }) => evaluate(Assert) !== true)
    if (failed) return `Template error: rule ${name} failed: ${failed.AssertDescription}`
  }
  return undefined
}

/**
 * The properties of the template's role with everything filled in.
 * @param values parameters, and the pseudo parameters such as `AWS::Region`
 * @throws for anything in the template that is not evaluated here
 */
export function evaluateRole(template: Template, values: ReadonlyMap<string, string>): unknown {
  return evaluator(template, values)(template.Resources.Role.Properties)
}

function evaluator({ Conditions }: Template, values: ReadonlyMap<string, string>): (value: unknown) => unknown {
  function lookUp(name: string): string {
    const value = values.get(name)
    if (value === undefined) throw new Error(`The stand-in does not know ${name}.`)
    return value
  }

  function evaluate(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(evaluate).filter((one) => one !== NO_VALUE)
    if (!isFields(value)) return value
    const [[name = '', inner] = [], ...more] = Object.entries(value)
    if (more.length > 0 || (name !== 'Ref' && !name.startsWith('Fn::'))) {
      const evaluated = Object.entries(value).map(([key, one]) => [key, evaluate(one)])
      return Object.fromEntries(evaluated.filter(([, one]) => one !== NO_VALUE))
    }
    return call(name, inner)
  }

  function call(name: string, inner: unknown): unknown {
    if (name === 'Ref') return inner === 'AWS::NoValue' ? NO_VALUE : lookUp(String(inner))
    if (name === 'Fn::Sub') return String(inner).replace(/\$\{([\w:]+)\}/g, (_, key: string) => lookUp(key))
    const [first, second, third] = Array.isArray(inner) ? inner : []
    if (name === 'Fn::Equals') return evaluate(first) === evaluate(second)
    if (name === 'Fn::Not') return evaluate(first) !== true
    if (name === 'Fn::If') return evaluate(evaluate(Conditions[String(first)]) === true ? second : third)
    if (name === 'Fn::Split') return String(evaluate(second)).split(String(first))
    throw new Error(`The stand-in does not know ${name}.`)
  }

  return evaluate
}
