/** Metric of lines at level error, one value of its dimension `Reason` for each reason: alarms watch it. */
export const FAULTS = { namespace: 'Corbado/CognitoGateway', metricName: 'Faults', dimension: 'Reason' } as const

/** A metric that CloudWatch makes of the lines that fit a pattern. */
export interface LineMetric {
  readonly id: string
  readonly metricName: string
  readonly pattern: string
  readonly value: string
  /** By its name, the field that it has its value from. */
  readonly dimensions: Readonly<Record<string, string>>
}

// Not by outcome: a proof that could not be verified is `incorrect`, and pre-login answers a fault as `refused`.
const FAULTY = '$.level = "error" && $.reason = "*"'

/** What is counted of every closing line, whoever writes it, by its step and by these. */
const BY_STEP = {
  Invocations: { where: '$.outcome = "*"', value: '1', dimensions: { Outcome: '$.outcome' } },
  Duration: { where: '$.durationMs >= 0', value: '$.durationMs', dimensions: {} },
  StepFaults: { where: FAULTY, value: '1', dimensions: { Reason: '$.reason' } },
} as const

/** Lines whose step is in the same field. A dimension's field must be in the pattern, so each has filters of its own. */
interface Steps {
  readonly id: string
  /** The field with the step, as the catalogue names it. */
  readonly step: string
  readonly where: string
}

/** A line of the gateway has a trigger or an action, or `msg` says what it is. */
const GATEWAY_STEPS: readonly Steps[] = [
  { id: 'Trigger', step: '$.trigger', where: '$.trigger = "*"' },
  { id: 'Action', step: '$.action', where: '$.action = "*"' },
  { id: 'Other', step: '$.msg', where: '$.trigger NOT EXISTS && $.action NOT EXISTS && $.msg = "*"' },
]
/** The forwarder's are one step, whatever the trigger: the containers count that. */
const FORWARDER_STEPS: readonly Steps[] = [{ id: 'Forwarder', step: '$.door', where: '$.door = "forwarder"' }]

/**
 * The metrics of a log. Each dimension is one of the catalogue's lists: together they stay far below the 1,000 values at which
 * CloudWatch turns a filter off, and never hold a tenant or a client.
 */
export function lineMetricsOf(writer: 'gateway' | 'forwarder'): readonly LineMetric[] {
  const steps = writer === 'gateway' ? GATEWAY_STEPS : FORWARDER_STEPS
  const byStep = steps.flatMap(({ id, step, where: ofStep }) =>
    Object.entries(BY_STEP).map(([metricName, { where, value, dimensions }]) => ({
      id: `${metricName}-${id}`,
      metricName,
      pattern: `{ ${where} && ${ofStep} }`,
      value,
      dimensions: { Step: step, ...dimensions },
    })),
  )
  const { metricName, dimension } = FAULTS
  const faults = {
    id: metricName,
    metricName,
    pattern: `{ ${FAULTY} }`,
    value: '1',
    dimensions: { [dimension]: '$.reason' },
  }
  return [faults, ...byStep]
}
