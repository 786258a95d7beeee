// The gateway's dependencies for the soak, in a process of their own: AWS's and Corbado's wire protocols, and nothing behind them.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'

let template = ''
/** Grows with each rotation: secrets, and the credentials of roles, are of the last one only. */
let epoch = 0
const counts = {}

const POOL = /eu-central-1_S\d{6}/
const json = (body, status = 200) => ({ status, type: 'application/x-amz-json-1.1', body: JSON.stringify(body) })
const poolIn = (text) => POOL.exec(text)?.[0] ?? ''

function credentials(pool) {
  const id = `ASIA${pool.slice(-6)}${String(epoch).padStart(4, '0')}`
  const expiration = new Date(Date.now() + 3_600_000).toISOString()
  return {
    status: 200,
    type: 'text/xml',
    body:
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>${id}` +
      `</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>${'t'.repeat(400)}</SessionToken><Expiration>${expiration}` +
      '</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>',
  }
}

const services = {
  GetItem: (text) => {
    const pool = poolIn(text)
    return json(pool === '' ? {} : { Item: JSON.parse(template.replaceAll('POOL', pool)) })
  },
  GetParameter(text) {
    const { Name } = JSON.parse(text)
    const value = Name.endsWith('pseudonym-key') ? 'k'.repeat(44) : undefined
    const caller = Name.endsWith('callers') ? `whsec_${Buffer.alloc(32, 7).toString('base64')}` : undefined
    const own = Buffer.from(`pro-1001:secret-${epoch}`).toString('base64')
    return json({ Parameter: { Name, Type: 'SecureString', Value: value ?? caller ?? own, Version: 1 } })
  },
  AdminGetUser(text) {
    const { Username } = JSON.parse(text)
    if (Username.startsWith('nobody')) return json({ __type: 'UserNotFoundException', message: 'x' }, 400)
    return json({ Username, UserStatus: 'CONFIRMED', Enabled: true, UserAttributes: [] })
  },
  ListUsers: () => json({ Users: [] }),
  AdminSetUserMFAPreference: () => json({}),
  verifySignedData(text, headers) {
    const given = Buffer.from(headers.authorization?.slice('Basic '.length) ?? '', 'base64').toString()
    if (given !== `pro-1001:secret-${epoch}`) return json({ error: { type: 'login_error' } }, 401)
    return json({ verificationResult: text.includes('.good"') ? 'success' : 'invalid_signature' })
  },
}

/** Old credentials of a role no longer count. */
const isOld = ({ authorization = '' }) => {
  const [, of] = /Credential=ASIA\d{6}(\d{4})\//.exec(authorization) ?? []
  return of !== undefined && Number(of) !== epoch
}

const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  const target =
    String(request.headers['x-amz-target'] ?? request.url?.split('/').at(-1))
      .split('.')
      .at(-1) ?? ''
  const name = target in services ? target : 'AssumeRole'
  counts[name] = (counts[name] ?? 0) + 1
  const expired = json({ __type: 'ExpiredTokenException', message: 'x' }, 400)
  const answer = isOld(request.headers)
    ? expired
    : name === 'AssumeRole'
      ? credentials(poolIn(text))
      : services[name](text, request.headers)
  const headers = { 'content-type': answer.type, 'x-amzn-requestid': randomUUID() }
  response.writeHead(answer.status, headers).end(answer.body)
})
server.keepAliveTimeout = 600_000
process.on('message', (message) => {
  if (message.template) template = message.template
  if (message.rotate) epoch += 1
  process.send({ done: true, port: server.address().port, counts })
})
process.on('disconnect', () => process.exit(0))
server.listen(0, '127.0.0.1', () => process.send({ done: true, port: server.address().port, counts }))
