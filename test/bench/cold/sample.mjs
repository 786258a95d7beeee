// The reference: the verify function that each customer deploys without the gateway, after Corbado's published sample. It
// imports the SDK's client as the runtime brings it, gets the secret, and asks the Backend API about one proof.
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'

const client = new SSMClient({ region: process.env.AWS_REGION })

async function handler(event) {
  const name = process.env.BENCH_PARAMETER
  const { Parameter } = await client.send(new GetParameterCommand({ Name: name, WithDecryption: true }))
  const answer = await fetch(`${process.env.BENCH_CORBADO}/v2/passkey/verifySignedData`, {
    method: 'POST',
    headers: { authorization: `Basic ${Parameter.Value}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      signedPasskeyData: event.request.challengeAnswer,
      username: event.request.privateChallengeParameters.cognitoID,
    }),
  })
  event.response.answerCorrect = answer.ok
  return event
}

const { response } = await handler(JSON.parse(process.env.BENCH_PROOF))
if (!response.answerCorrect) throw new Error('the proof was refused')
process.stderr.write(`${performance.now()}\n`, () => process.exit(0))
