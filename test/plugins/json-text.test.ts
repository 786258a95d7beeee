import fc from 'fast-check'
import t from 'tap'
import { isNestedBeyond, memberText, withMember } from '../../src/plugins/json-text.js'

const names = fc.constantFrom('response', 'event', '__proto__', '', 'a"b', 'back\\slash', '\ud800', 'é')
const spaces = fc.constantFrom('', ' ', '\n\t', '\r\n  ')
const escaped = (name: string) =>
  `"${[...name].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`

/** Objects as text: with spaces, names written with escapes, and names that come twice. */
const objects = fc.array(fc.tuple(names, fc.jsonValue(), spaces, fc.boolean()), { maxLength: 6 }).map((members) => {
  const texts = members.map(([name, value, space, byEscapes]) => {
    const key = byEscapes && name.length < 10 ? escaped(name) : JSON.stringify(name)
    return `${space}${key}${space}:${space}${JSON.stringify(value, null, space)}${space}`
  })
  return `{${texts.join(',')}}`
})
const own = (text: string, name: string) => Object.getOwnPropertyDescriptor(JSON.parse(text), name)?.value

t.test('a member gets another value, and all else is read as before', async (t) => {
  fc.assert(
    fc.property(spaces, objects, spaces, names, fc.jsonValue(), (before, object, after, name, value) => {
      const text = before + object + after
      const written = withMember(text, name, JSON.stringify(value))
      const found = memberText(text, name)
      const keys = (json: string) => Object.keys(JSON.parse(json)).filter((key) => key !== name)
      return (
        JSON.stringify(own(written, name)) === JSON.stringify(value) &&
        JSON.stringify(found && JSON.parse(found)) === JSON.stringify(own(text, name)) &&
        JSON.stringify(keys(written)) === JSON.stringify(keys(text)) &&
        keys(text).every((key) => JSON.stringify(own(written, key)) === JSON.stringify(own(text, key)))
      )
    }),
    { numRuns: 2_000 },
  )
  t.equal(withMember('{ "a": 1.0, "response" : {"x":[1,{}]} }', 'response', '{}'), '{ "a": 1.0, "response" : {} }')
  t.equal(withMember('{"big":12345678901234567890}', 'response', '1'), '{"big":12345678901234567890,"response":1}')
  t.equal(withMember('{"response":1,"response":2}', 'response', '3'), '{"response":3,"response":3}')
  t.equal(withMember(' {} ', 'response', '1'), ' {"response":1}')
})

t.test('levels are counted outside of strings, in any text', async (t) => {
  t.equal(isNestedBeyond('[[[1]],{"a":[1]}]', 3), false)
  t.equal(isNestedBeyond('[[[1]],{"a":[1]}]', 2), true)
  t.equal(isNestedBeyond('["[[[[","\\"[[[["]', 1), false)
  t.equal(isNestedBeyond('['.repeat(1_000_000), 500), true)
  fc.assert(fc.property(fc.string(), (text) => !isNestedBeyond(text, text.length)))
})
