import { Sha256 } from '@aws-crypto/sha256-js'
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb'
import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import { decodeJwt } from 'jose'
import t from 'tap'
import { Agent, request } from 'undici'
import { systemClock } from '../../src/call.js'
import {
  allows,
  createIdentity,
  type IssuedCredentials,
  type PolicyDocument,
  type Principal,
  resourceDecision,
} from '../../src/local/aws/identity.js'
import { parsePolicy } from '../../src/local/aws/policy.js'
import { type Fault, startStandIn } from '../../src/local/aws/server.js'
import { startCorbado } from '../../src/local/corbado/index.js'
import { startTable } from '../../src/local/dynamodb.js'
import { startSsm } from '../../src/local/ssm.js'
import { startSts } from '../../src/local/sts.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { untilWaiting } from '../fixtures/time.js'

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'

const region = 'eu-central-1'
const account = '999900000001'
const customer = '111122223333'
const roleArn = `arn:aws:iam::${customer}:role/corbado/corbado-eu-central-1_Example01`
const poolArn = `arn:aws:cognito-idp:${region}:${customer}:userpool/eu-central-1_Example01`

const policy = (...Statement: PolicyDocument['Statement'][number][]): PolicyDocument => ({
  Version: '2012-10-17',
  Statement,
})
const allow = (Action: string, Resource: string) => policy({ Effect: 'Allow', Action, Resource })

const gateway = (...policies: PolicyDocument[]): Principal => ({
  arn: `arn:aws:iam::${account}:role/corbado-gateway`,
  accountId: account,
  policies,
})
const everything = gateway(allow('*', '*'))

const trust = (externalId: string, aws = `arn:aws:iam::${account}:root`) =>
  policy({
    Effect: 'Allow',
    Principal: { AWS: aws },
    Action: 'sts:AssumeRole',
    Condition: {
      StringEquals: { 'sts:ExternalId': externalId },
      ArnEquals: { 'aws:PrincipalArn': `arn:aws:iam::${account}:role/corbado-gateway` },
    },
  })

/** A clock that tests move by hand, starting now. */
function handClock() {
  let offset = 0
  return {
    ...systemClock,
    now: () => Date.now() + offset,
    forward: (ms: number) => {
      offset += ms
    },
  }
}

const clientOptions = (endpoint: string, credentials: IssuedCredentials) => ({
  endpoint,
  region,
  maxAttempts: 1,
  credentials: {
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey,
    sessionToken: credentials.sessionToken,
  },
})

t.test('signatures, as every SigV4 stand-in checks them', async (t) => {
  const clock = handClock()
  const identity = createIdentity(clock)
  const ssm = await startSsm({ clock, identity, accountId: account })
  t.teardown(() => ssm.stop())
  ssm.put('/some/name', 'value', 'String')
  const valid = identity.issue(everything, 900_000)
  const read = async (credentials: IssuedCredentials, tamper?: (body: string) => string) => {
    const client = new SSMClient(clientOptions(ssm.url, credentials))
    t.teardown(() => client.destroy())
    if (tamper) {
      client.middlewareStack.add(
        (next) => (args) => {
          const sent = args.request as { body: string | Uint8Array }
          sent.body = tamper(Buffer.from(sent.body as string).toString())
          return next(args)
        },
        { step: 'deserialize', priority: 'low' },
      )
    }
    return (await client.send(new GetParameterCommand({ Name: '/some/name' }))).Parameter?.Value
  }

  await t.test('refuses a wrong secret', async (t) => {
    await t.rejects(read({ ...valid, secretAccessKey: 'wrong' }), { name: 'InvalidSignatureException' })
    t.equal(ssm.calls.at(-1)?.principal, undefined, 'and records no principal')
  })
  await t.test('refuses a key that was never issued', async (t) => {
    await t.rejects(read({ ...valid, accessKeyId: 'ASIAUNKNOWN' }), { name: 'UnrecognizedClientException' })
  })
  await t.test('refuses the session token of other credentials', async (t) => {
    const { sessionToken } = identity.issue(everything, 900_000)
    await t.rejects(read({ ...valid, sessionToken }), { name: 'UnrecognizedClientException' })
  })
  await t.test('refuses a body that was changed after signing', async (t) => {
    await t.rejects(
      read(valid, (body) => body.replace('/some/name', '/some/nome')),
      { name: 'InvalidSignatureException' },
    )
  })
  await t.test('refuses a signature for another service', async (t) => {
    const sts = new STSClient(clientOptions(ssm.url, valid))
    t.teardown(() => sts.destroy())
    await t.rejects(sts.send(new GetCallerIdentityCommand({})))
    t.equal(ssm.calls.at(-1)?.principal, undefined)
  })
  await t.test('refuses a request without a signature, and one with half of it', async (t) => {
    for (const [authorization, code] of [
      [undefined, 'MissingAuthenticationTokenException'],
      ['AWS4-HMAC-SHA256 Credential=AKIA', 'IncompleteSignatureException'],
    ]) {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await request(ssm.url, { method: 'POST', headers, body: '{}' })
      t.match(await answer.body.json(), { __type: code })
    }
  })
  await t.test(
    'refuses a body that differs from the hash signed with it, and a signature of another hour',
    async (t) => {
      const signer = new SignatureV4({ credentials: valid, region, service: 'ssm', sha256: Sha256 })
      const send = async (signedBody: string, body: string, signingDate = new Date()) => {
        const headers = { host: new URL(ssm.url).host, 'x-amz-target': 'AmazonSSM.GetParameter' }
        const signed = await signer.sign(new HttpRequest({ method: 'POST', headers, body: signedBody }), {
          signingDate,
        })
        const answer = await request(ssm.url, { method: 'POST', headers: signed.headers, body })
        return answer.body.json()
      }
      const [body, other] = ['{"Name":"/some/name"}', '{"Name":"/some/nome"}']
      t.match(await send(body, body), { Parameter: { Value: 'value' } })
      t.match(await send(other, body), { __type: 'InvalidSignatureException', message: /does not match/ })
      const tooOld = new Date(Date.now() - 301_000)
      t.match(await send(body, body, tooOld), { __type: 'InvalidSignatureException', message: /^Signature expired/ })
    },
  )
  await t.test('refuses revoked credentials', async (t) => {
    const other = { ...everything, arn: `arn:aws:iam::${account}:role/other` }
    const credentials = identity.issue(other, 900_000)
    t.equal(await read(credentials), 'value')
    identity.revoke(other.arn)
    await t.rejects(read(credentials), { name: 'UnrecognizedClientException' })
  })
  await t.test('serves valid credentials until the moment they expire', async (t) => {
    const { expiresAt } = valid
    clock.forward(expiresAt - clock.now() - 2_000)
    t.equal(await read(valid), 'value')
    t.equal(ssm.calls.at(-1)?.principal, everything.arn)
    clock.forward(2_001)
    await t.rejects(read(valid), { name: 'ExpiredTokenException' })
  })
})

t.test('STS', async (t) => {
  const clock = handClock()
  const identity = createIdentity(clock)
  const sts = await startSts({ clock, identity })
  t.teardown(() => sts.stop())
  const as = (principal: Principal) => {
    const client = new STSClient(clientOptions(sts.url, identity.issue(principal, 7_200_000)))
    t.teardown(() => client.destroy())
    return client
  }
  const client = as(everything)
  const call = (input: Partial<AssumeRoleCommandInput> = {}, by = client) =>
    by.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'corbado-x', ExternalId: 'ext-1', ...input }))
  const denied = {
    name: 'AccessDenied',
    message: `User: ${everything.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
  }

  await t.test('refuses a role that does not exist', (t) => t.rejects(call(), denied))
  sts.putRole({ roleArn, trust: trust('ext-1'), policies: [allow('cognito-idp:*', poolArn)] })

  await t.test('refuses a missing and a wrong ExternalId', async (t) => {
    await t.rejects(client.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'corbado-x' })), denied)
    await t.rejects(call({ ExternalId: 'ext-2' }), denied)
  })
  await t.test('refuses a caller that the trust does not name', async (t) => {
    await t.rejects(call({}, as({ ...everything, accountId: '999900000002' })), { name: 'AccessDenied' })
    const stranger = { ...everything, arn: `arn:aws:iam::${account}:role/stranger` }
    await t.rejects(call({}, as(stranger)), { name: 'AccessDenied' }, 'same account, but not the role in the condition')
  })
  await t.test('refuses a caller whose own policies do not allow sts:AssumeRole, or deny it', async (t) => {
    await t.rejects(call({}, as(gateway())), denied)
    const deny = policy({ Effect: 'Deny', Action: 'sts:*', Resource: `arn:aws:iam::${customer}:role/*` })
    await t.rejects(call({}, as(gateway(allow('*', '*'), deny))), denied)
  })
  await t.test('refuses parameters outside the limits of the API', async (t) => {
    for (const input of [
      { DurationSeconds: 899 },
      { DurationSeconds: 3601 },
      { RoleSessionName: 'a b' },
      { RoleSessionName: 'x'.repeat(65) },
      { ExternalId: '?' },
      { RoleArn: 'arn:aws:iam::1:user/x' },
      { Policy: JSON.stringify(allow('x'.repeat(2_048), '*')) },
    ]) {
      await t.rejects(call(input), { name: 'ValidationError' }, JSON.stringify(input).slice(0, 60))
    }
    const condition = policy({ Effect: 'Allow', Action: '*', Resource: '*', Condition: { Guess: { a: 'b' } } })
    for (const Policy of ['{', '{}', JSON.stringify(condition), '{"Version":"2012-10-17","Statement":[{}]}']) {
      await t.rejects(call({ Policy }), { name: 'MalformedPolicyDocumentException' })
    }
  })
  await t.test('refuses unknown keys, wrong signatures and expired credentials in its own words', async (t) => {
    const issued = identity.issue(everything, 900_000)
    const by = (changes: object) => new STSClient(clientOptions(sts.url, { ...issued, ...changes }))
    await t.rejects(call({}, by({ accessKeyId: 'ASIANO' })), { name: 'InvalidClientTokenId' })
    await t.rejects(call({}, by({ secretAccessKey: 'no' })), { name: 'SignatureDoesNotMatch' })
    clock.forward(900_001)
    await t.rejects(call({}, by({})), { name: 'ExpiredToken' })
  })
  await t.test('issues a session that holds its role’s rights, cut down to the session policy', async (t) => {
    const sessionPolicy = allow('cognito-idp:AdminGetUser', poolArn)
    const before = clock.now()
    const { Credentials, AssumedRoleUser } = await call({ DurationSeconds: 900, Policy: JSON.stringify(sessionPolicy) })
    const arn = `arn:aws:sts::${customer}:assumed-role/corbado-eu-central-1_Example01/corbado-x`
    t.equal(AssumedRoleUser?.Arn, arn)
    const issuedAt = Number(Credentials?.Expiration) - 900_000
    t.ok(issuedAt > before - 1_000 && issuedAt <= clock.now(), 'in whole seconds')
    const principal = identity.find(Credentials?.AccessKeyId ?? '')?.principal
    t.match(principal, { arn, accountId: customer, roleArn, sessionPolicy })
    t.match(sts.calls.at(-1)?.input, { Action: 'AssumeRole', RoleArn: roleArn, ExternalId: 'ext-1' })
  })
  await t.test('lets a session say who it is, until its role is deleted', async (t) => {
    const { Credentials = {} } = await call()
    const { AccessKeyId = '' } = Credentials as { AccessKeyId?: string }
    const issued = identity.find(AccessKeyId)
    if (!issued) throw new Error('nothing issued')
    const session = new STSClient(clientOptions(sts.url, issued))
    t.teardown(() => session.destroy())
    t.match(await session.send(new GetCallerIdentityCommand({})), { Account: customer, Arn: issued.principal.arn })
    sts.deleteRole(roleArn)
    await t.rejects(session.send(new GetCallerIdentityCommand({})), { name: 'InvalidClientTokenId' })
    await t.rejects(call(), denied)
  })
  await t.test('throttles on request', async (t) => {
    await sts.setFault({ kind: 'status', status: 429 }, 'AssumeRole')
    await t.rejects(call(), { name: 'Throttling' })
    t.match(await client.send(new GetCallerIdentityCommand({})), { Account: account }, 'only the one operation')
    await sts.setFault(undefined)
  })
})

t.test('SSM', async (t) => {
  const clock = handClock()
  const identity = createIdentity(clock)
  const ssm = await startSsm({ clock, identity, accountId: account })
  t.teardown(() => ssm.stop())
  const as = (principal: Principal) => {
    const client = new SSMClient(clientOptions(ssm.url, identity.issue(principal, 900_000)))
    t.teardown(() => client.destroy())
    return client
  }
  const client = as(gateway(allow('ssm:*Parameter', `arn:aws:ssm:${region}:${account}:parameter/corbado/gateway/*`)))
  const name = '/corbado/gateway/eu-central-1_Example01/backend'
  const read = (Name: string, WithDecryption?: boolean, by = client) =>
    by.send(new GetParameterCommand({ Name, ...(WithDecryption === undefined ? {} : { WithDecryption }) }))
  ssm.put(name, 'c2VjcmV0')

  await t.test('refuses a caller without ssm:GetParameter on that parameter', async (t) => {
    const message = new RegExp(
      `^User: ${everything.arn} is not authorized to perform: ssm:GetParameter on resource: arn`,
    )
    await t.rejects(read(name, true, as(gateway())), { name: 'AccessDeniedException', message })
    await t.rejects(read('/elsewhere/x', true), { name: 'AccessDeniedException' })
  })
  await t.test('hides the parameter from another account', (t) =>
    t.rejects(read(name, true, as({ ...everything, accountId: customer })), { name: 'ParameterNotFound' }),
  )
  await t.test('keeps a SecureString encrypted without WithDecryption', async (t) => {
    const plain = await read(name)
    t.notMatch(plain.Parameter?.Value, 'c2VjcmV0')
    t.equal(plain.Parameter?.Value, (await read(name, false)).Parameter?.Value, 'the same ciphertext each time')
  })
  await t.test('refuses to overwrite unless told to, and to read what was removed', async (t) => {
    const write = (Overwrite: boolean) => new PutParameterCommand({ Name: name, Value: 'new', Overwrite })
    await t.rejects(client.send(write(false)), { name: 'ParameterAlreadyExists' })
    t.equal((await client.send(write(true))).Version, 2)
    t.match((await read(name, true)).Parameter, { Value: 'new', Version: 2, Type: 'SecureString' })
    ssm.remove(name)
    await t.rejects(read(name, true), { name: 'ParameterNotFound' })
  })
  await t.test('refuses names, types and operations that it does not know', async (t) => {
    const everyone = as(everything)
    await t.rejects(read('/a b', true, everyone), { name: 'ValidationException' })
    await t.rejects(everyone.send(new PutParameterCommand({ Name: '/a', Value: 'b' })), { name: 'ValidationException' })
    await t.rejects(everyone.send(new DeleteParameterCommand({ Name: '/a' })), { name: 'UnknownOperationException' })
  })
  await t.test('fails in its own words on request', async (t) => {
    for (const [status, error] of [
      [429, 'ThrottlingException'],
      [500, 'InternalServerError'],
      [400, 'ValidationException'],
    ] as const) {
      await ssm.setFault({ kind: 'status', status }, 'GetParameter')
      await t.rejects(read(name), { name: error, $metadata: { httpStatusCode: status } })
    }
  })
})

t.test('table', async (t) => {
  const clock = handClock()
  const identity = createIdentity(clock)
  const table = await startTable({ clock, identity, tableName: 'tenants' })
  t.teardown(() => table.stop())
  const as = (principal: Principal) => {
    const client = new DynamoDBClient(clientOptions(table.url, identity.issue(principal, 900_000)))
    t.teardown(() => client.destroy())
    return client
  }
  const Key = { userPoolId: { S: 'eu-central-1_Example01' }, record: { S: 'config' } }
  const get = new GetItemCommand({ TableName: table.tableName, Key, ConsistentRead: true })
  const client = as(gateway(allow('dynamodb:*Item', `arn:aws:dynamodb:${region}:${account}:table/tenants`)))

  await t.test('refuses a caller without the right on that table', async (t) => {
    await t.rejects(as(gateway()).send(get), { name: 'AccessDeniedException' })
    await t.rejects(client.send(new GetItemCommand({ TableName: 'other', Key })), { name: 'AccessDeniedException' })
  })
  await t.test('refuses a write whose condition does not hold', async (t) => {
    const put = (version: string, ConditionExpression: string) =>
      client.send(
        new PutItemCommand({
          TableName: table.tableName,
          Item: { ...Key, version: { N: version } },
          ConditionExpression,
        }),
      )
    await put('1', 'attribute_not_exists(userPoolId)')
    await t.rejects(put('2', 'attribute_not_exists(userPoolId)'), ConditionalCheckFailedException)
    t.match((await client.send(get)).Item, { version: { N: '1' } })
    t.match(table.calls.at(-1), { operation: 'GetItem', principal: everything.arn, input: { TableName: 'tenants' } })
  })
  await t.test('says with node’s own error that its port is taken, and leaves nothing running', (t) =>
    t.rejects(startTable({ clock, identity, tableName: 'tenants', port: table.port }), {
      code: 'EADDRINUSE',
      port: table.port,
    }),
  )
})

t.test('Corbado', async (t) => {
  const clock = handClock()
  const corbado = await startCorbado({ clock })
  const agent = new Agent({ connections: 1 })
  t.teardown(async () => {
    await agent.close()
    await corbado.stop()
  })
  corbado.putProject({ projectId: 'pro-1', apiSecret: 'corbado1_a', bearerKey: 'key-1' })
  corbado.putProject({ projectId: 'pro-2', apiSecret: 'corbado1_b' })
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const own = basic('pro-1:corbado1_a')
  const path = '/v2/passkey/verifySignedData'
  const send = async (body: string | object, authorization = own, target = path, method = 'POST') => {
    const answer = await request(corbado.url + target, {
      dispatcher: agent,
      method: method as 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: answer.statusCode, body: await answer.body.json() }
  }
  const verify = async (signedPasskeyData: string, username = 'user-1', authorization = own) => {
    const { status, body } = await send({ signedPasskeyData, username }, authorization)
    return status === 200 ? (body as { verificationResult: string }).verificationResult : { status, body }
  }
  const refusal = (status: number, type: string) => ({
    status,
    body: { httpStatusCode: status, requestData: { requestID: /^req-/ }, error: { type } },
  })

  await t.test('refuses bad credentials with 401 login_error', async (t) => {
    const proof = await corbado.sign('pro-1', 'user-1')
    const bad = [
      basic('pro-1:corbado1_b'),
      basic('corbado1_a'),
      basic('pro-2:undefined'),
      'Bearer key-2',
      'Bearer',
      'no',
    ]
    for (const authorization of [...bad, 'Bearer undefined', `Basic ${own}`]) {
      t.match(await verify(proof, 'user-1', authorization), refusal(401, 'login_error'), authorization)
    }
    t.equal(await verify(proof), 'success', 'and has not used up the proof')
  })
  await t.test('refuses wrong routes, methods and bodies in its error envelope', async (t) => {
    t.match(await send({}, own, '/v2/passkeys/verifySignedData'), refusal(404, 'not_found'))
    t.match(await send({}, own, path, 'GET'), refusal(405, 'method_not_allowed'))
    t.match(await send('{'), refusal(400, 'invalid_json'))
    const { body } = await send({ signedPasskeyData: 'x' })
    t.match(body, { ...refusal(400, 'validation_error').body, error: { validation: [{ field: 'username' }] } })
    t.match(await send('null'), refusal(400, 'validation_error'))
  })
  await t.test('refuses a proof the second time', async (t) => {
    const proof = await corbado.sign('pro-1', 'user-1')
    t.equal(await verify(proof), 'success')
    t.equal(await verify(proof), 'invalid_challenge')
  })
  await t.test('refuses a proof for another user', async (t) => {
    const proof = await corbado.sign('pro-1', 'user-1')
    t.equal(await verify(proof, 'user-2'), 'user_mismatch')
    t.equal(await verify(proof), 'success', 'and has not used it up')
  })
  await t.test('refuses another project’s proof, whatever it claims, and one that was tampered with', async (t) => {
    t.equal(await verify(await corbado.sign('pro-2', 'user-1')), 'invalid_signature')
    t.equal(await verify(await corbado.sign('pro-2', 'user-1', { iss: 'pro-1' })), 'invalid_signature')
    t.equal(await verify(await corbado.sign('pro-1', 'user-1', { iss: 'pro-2' })), 'invalid_signature')
    const [header, , signature] = (await corbado.sign('pro-1', 'user-2')).split('.')
    const [, claims] = (await corbado.sign('pro-1', 'user-1')).split('.')
    t.equal(await verify([header, claims, signature].join('.')), 'invalid_signature')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    t.equal(await verify(`${none}.${claims}.`), 'invalid_signature')
    t.equal(await verify('garbled'), 'invalid_signature')
  })
  await t.test('refuses a proof after its 300 seconds', async (t) => {
    const [early, late] = [await corbado.sign('pro-1', 'user-1'), await corbado.sign('pro-1', 'user-1')]
    clock.forward(298_000)
    t.equal(await verify(early), 'success')
    clock.forward(3_000)
    t.equal(await verify(late), 'generic_error')
  })
  await t.test('makes proofs shaped like Corbado’s', async (t) => {
    const claims = decodeJwt(await corbado.sign('pro-1', 'user-1', { isCUI: true }))
    const { iat = 0 } = claims
    const ids = { sub: /^usr-/, challengeId: /^was-/, credential: /^cre-/ }
    t.match(claims, {
      iss: 'pro-1',
      nbf: iat - 10,
      exp: iat + 300,
      webauthnId: 'user-1',
      username: '',
      isCUI: true,
      ...ids,
    })
  })
  await t.test('accepts a Bearer key, and only the newest secret after a rotation', async (t) => {
    t.equal(await verify(await corbado.sign('pro-1', 'user-1'), 'user-1', 'Bearer key-1'), 'success')
    corbado.rotateSecret('pro-1', 'corbado1_c')
    const proof = await corbado.sign('pro-1', 'user-1')
    t.match(await verify(proof), refusal(401, 'login_error'))
    t.equal(await verify(proof, 'user-1', basic('pro-1:corbado1_c')), 'success')
    corbado.rotateSecret('pro-1', 'corbado1_a')
  })
  await t.test('answers whatever a test forces on it, until cleared', async (t) => {
    corbado.answerWith({ status: 200, body: { verificationResult: 'unheard_of' } })
    t.equal(await verify(await corbado.sign('pro-1', 'user-1')), 'unheard_of')
    corbado.answerWith(undefined)
    t.equal(await verify('garbled'), 'invalid_signature')
  })
  await t.test('words the HTTP statuses that a test asks for', async (t) => {
    for (const [status, type] of [
      [401, 'login_error'],
      [429, 'rate_limited'],
      [422, 'validation_error'],
      [500, 'internal_error'],
    ] as const) {
      await corbado.setFault({ kind: 'status', status })
      t.match(await send({}), refusal(status, type))
    }
    await corbado.setFault(undefined)
    t.equal(await verify('garbled'), 'invalid_signature')
  })
  await t.test('keeps connections alive and records who called', (t) => {
    t.equal(new Set(corbado.calls.map((call) => call.connection)).size, 1)
    t.match(corbado.calls.at(-1), { operation: 'verifySignedData', principal: 'pro-1', input: { username: 'user-1' } })
    t.end()
  })
})

t.test('faults', async (t) => {
  const clock = createFrozenClock()
  const standIn = await startStandIn({
    name: 'thing',
    clock,
    operationOf: ({ path }) => path,
    faultAnswer: (status) => ({ status, body: { kind: 'fault' } }),
    handle: ({ path }) => {
      if (path === '/bug') throw new Error('a bug')
      return { status: 200, body: { kind: 'answer' } }
    },
  })
  const agent = new Agent()
  t.teardown(async () => {
    await agent.destroy()
    await standIn.stop()
  })
  const ask = async (path = '/', signal?: AbortSignal) => {
    const options = { dispatcher: agent, ...(signal ? { signal } : {}) }
    const answer = await request(standIn.url + path, options)
    return { status: answer.statusCode, text: await answer.body.text() }
  }
  const whole = { status: 200, text: '{"kind":"answer"}' }
  const under = async (fault: Fault, work: () => Promise<unknown>) => {
    await standIn.setFault(fault)
    await work()
    await standIn.setFault(undefined)
    t.same(await ask(), whole, `serves again after ${fault.kind}`)
  }
  t.same(await ask(), whole)

  await under({ kind: 'refuse' }, () => t.rejects(ask(), { code: 'ECONNREFUSED' }))
  await under({ kind: 'reset' }, () => t.rejects(ask(), { code: 'ECONNRESET' }))
  await under({ kind: 'hang' }, () => t.rejects(ask('/', AbortSignal.timeout(50)), { name: 'TimeoutError' }))
  await under({ kind: 'slow', ms: 60 }, async () => {
    const answer = ask()
    await untilWaiting(standIn)
    clock.advance(59)
    t.equal(standIn.waiting(), 1)
    clock.advance(1)
    t.same(await answer, whole)
  })
  await under({ kind: 'status', status: 503 }, async () => {
    t.same(await ask(), { status: 503, text: '{"kind":"fault"}' })
  })
  await under({ kind: 'garbage' }, async () => t.throws(() => JSON.parse('{"half": <an answ'), (await ask()).text))

  await standIn.setFault({ kind: 'reset' }, '/only')
  t.same(await ask('/other'), whole, 'spares the operations it does not name')
  await t.rejects(ask('/only'))
  await t.rejects(standIn.setFault({ kind: 'refuse' }, '/only'), /whole listener/)
  await standIn.setFault(undefined)
  t.equal((await ask('/bug')).status, 500, 'a bug in a stand-in is a 500, not a hanging call')

  const taken = { name: 'thing', port: standIn.port, clock: handClock(), operationOf: () => '', handle: () => whole }
  await t.rejects(startStandIn({ ...taken, faultAnswer: (status) => ({ status }) }), {
    code: 'EADDRINUSE',
    port: standIn.port,
  })
})

t.test('policies', async (t) => {
  await t.test('a session policy only takes away, and a Deny in it wins', async (t) => {
    const [read, list] = ['cognito-idp:AdminGetUser', 'cognito-idp:ListUsers']
    const role = { ...gateway(allow('cognito-idp:Admin*', poolArn)), sessionPolicy: allow('cognito-idp:*', '*') }
    t.ok(allows(role, read, poolArn))
    t.notOk(allows(role, list, poolArn), 'what the role may not, its session may not')
    t.notOk(allows(role, read, `${poolArn}x`))
    t.notOk(allows({ ...role, sessionPolicy: allow(list, '*') }, read, poolArn))
    const deny = policy(...allow('*', '*').Statement, { Effect: 'Deny', Action: read, Resource: '*' })
    t.notOk(allows({ ...role, sessionPolicy: deny }, read, poolArn))
  })
  await t.test("an alias's policy lets Cognito in for the pools and the account that it names", async (t) => {
    const lambdaArn = `arn:aws:lambda:${region}:${account}:function:gateway:blue`
    const alias = policy({
      Effect: 'Allow',
      Principal: { Service: 'cognito-idp.amazonaws.com' },
      Action: 'lambda:InvokeFunction',
      Resource: lambdaArn,
      Condition: {
        StringEquals: { 'AWS:SourceAccount': customer },
        ArnLike: { 'AWS:SourceArn': [`arn:aws:cognito-idp:*:${customer}:userpool/eu-central-1_*`] },
      },
    })
    const ask = (sourceArn: string, service = 'cognito-idp.amazonaws.com', sourceAccount = customer) => {
      const context = { 'aws:SourceArn': sourceArn, 'aws:SourceAccount': sourceAccount }
      return resourceDecision(alias, { service }, 'lambda:InvokeFunction', lambdaArn, context)
    }
    t.equal(ask(poolArn), 'allow')
    t.equal(ask(poolArn.replace('_', '-')), 'none')
    t.equal(ask(poolArn, 'events.amazonaws.com'), 'none')
    t.equal(ask(poolArn, undefined, account), 'none')
    t.equal(resourceDecision(alias, everything, 'lambda:InvokeFunction', lambdaArn), 'none')
  })
  await t.test('conditions see a missing key as missing', async (t) => {
    const need = (Condition: NonNullable<PolicyDocument['Statement'][number]['Condition']>) =>
      gateway(policy({ Effect: 'Allow', Action: 'a:b', Resource: '*', Condition }))
    t.ok(allows(need({ Null: { 'x:y': 'true' } }), 'a:b', 'r'))
    t.notOk(allows(need({ Null: { 'x:y': 'true' } }), 'a:b', 'r', { 'X:Y': '1' }))
    t.notOk(allows(need({ StringLike: { 'x:y': '*' } }), 'a:b', 'r'))
    t.ok(allows(need({ StringLike: { 'x:y': 'v?l*' } }), 'a:b', 'r', { 'x:y': 'value' }))
    t.throws(() => allows(need({ Guess: { 'x:y': '1' } }), 'a:b', 'r'), /does not know/, 'never guesses an operator')
  })
  await t.test('what is no policy is refused', async (t) => {
    t.throws(() => parsePolicy('null'))
    t.throws(() => parsePolicy('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*"}]}'))
  })
})
