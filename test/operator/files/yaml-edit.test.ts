import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { parseYamlFile } from '../../../src/operator/files/yaml.js'
import { editYaml } from '../../../src/operator/files/yaml-edit.js'

const edit = (text: string, to: unknown, ...path: string[]) => editYaml(text, [{ path, to }])

t.test('a value that would be something else in a flow map is quoted', (t) => {
  t.equal(
    edit('{ texts: { userNotFound: Hello } }\n', 'No account, sorry', 'texts', 'userNotFound'),
    '{ texts: { userNotFound: "No account, sorry" } }\n',
  )
  t.equal(
    edit('texts: { userNotFound: Hello } # x\n', 'No, "sorry"', 'texts', 'userNotFound'),
    'texts: { userNotFound: "No, \\"sorry\\"" } # x\n',
  )
  t.equal(edit('{ displayName: Acme }', 'Acme [EU]', 'displayName'), '{ displayName: "Acme [EU]" }')
  t.equal(edit('a: { b: x }\n', 'y', 'a', 'b'), 'a: { b: y }\n', 'what needs no quotes gets none')
  t.end()
})

t.test('what cannot be edited is told apart from what can', (t) => {
  t.equal(edit('a: text\n', 1, 'a', 'b'), undefined, 'a field under something that is no section')
  t.equal(edit('- a\n', 1, 'a'), undefined)
  t.end()
})

/** Every form in which a field of a tenant file can stand, with its neighbours. */
const FORMS = [
  'a: x # about a\nb: 1\n',
  'a: "x"\nb: 1\n',
  "a: 'x'\nb: 1\n",
  'a: |\n  x\n  y\nb: 1\n',
  'a: >-\n  x\nb: 1\n',
  'a:\nb: 1\n',
  'a: null\nb: 1\n',
  'b: 1\n',
  '{ a: x, b: 1 }\n',
  '{ b: 1, a: x }',
  '{ a: "x", b: 1 }',
  "{ b: 1, a: 'x' }\n",
  '{\n  b: 1, # about b\n  a: x,\n}\n',
  '{ b: 1 }\n',
  '{ b: 1, a }\n',
]
const nested = FORMS.map((form) =>
  form.startsWith('{')
    ? `c: ${form.trimEnd().replaceAll('\n', '\n  ')}\n`
    : `c:\n${form.replace(/^/gm, '  ').trimEnd()}\n`,
)

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        ', ',
        ': ',
        ' #',
        '[',
        ']',
        '{',
        '}',
        '"',
        "'",
        '\n',
        '\t',
        ' ',
        '|',
        '>',
        '- ',
        '&x',
        '*x',
        '!',
        '%',
        '@',
        '---',
        'a',
        '1',
        'null',
        '~',
        '<<',
        '\\',
        '\r',
      ),
    )
    .map((parts) => parts.join('')),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
)

t.test('the edited text says what it said with the field changed, whatever the value and the form', (t) => {
  const property = fc.property(fc.constantFrom(...FORMS, ...nested), scalar, (text, to) => {
    const path = text.startsWith('c') ? ['c', 'a'] : ['a']
    const fields = { b: 1, ...(to !== undefined && { a: to }) }
    const { value, problems } = parseYamlFile(edit(text, to, ...path) ?? 'not edited')
    assert.deepStrictEqual({ value, problems }, { value: path.length === 2 ? { c: fields } : fields, problems: [] })
  })
  fc.assert(property, { numRuns: 2_000 })
  t.end()
})
