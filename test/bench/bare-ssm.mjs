// The reference: what a script costs that imports one SDK client from node_modules and makes one call.
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'

const client = new SSMClient({ region: process.env.AWS_REGION })
await client.send(new GetParameterCommand({ Name: process.env.BENCH_PARAMETER, WithDecryption: true }))
process.stdout.write(`${performance.now()}\n`, () => process.exit(0))
