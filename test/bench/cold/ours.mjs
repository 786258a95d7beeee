// The gateway from process start to the answer of its first event, as a cold Lambda environment gives it.
const { handler } = await import(process.env.BENCH_BUNDLE)
const context = {
  awsRequestId: 'bench',
  invokedFunctionArn: process.env.BENCH_ARN,
  getRemainingTimeInMillis: () => 5_000,
}
const { response } = await handler(JSON.parse(process.env.BENCH_EVENT), context)
if (response.challengeName !== 'CUSTOM_CHALLENGE' && !response.answerCorrect) throw new Error('the answer is wrong')
process.stderr.write(`${performance.now()}\n`, () => process.exit(0))
