import { SETTINGS } from '../../env.js'
import { isUpstreamError } from '../../errors.js'
import { isUserPoolId } from '../../ids.js'
import { saidOf } from '../../operator/attempt.js'
import type { Diagnosis } from '../../operator/causes/diagnose.js'
import type { Finding } from '../../operator/doctor/checks/finding.js'
import type { DoctorDeps } from '../../operator/doctor/checks/patient.js'
import { examineAll } from '../../operator/doctor/index.js'
import { fetchSecretHistories } from '../../operator/records/secret.js'
import { readOperatorSettings } from '../../operator/settings.js'
import { operatorCall, withUpstreams } from '../../operator/upstreams.js'
import { inLine } from '../../terminal/clean.js'
import { type CommandIo, writeNote } from '../../terminal/io.js'
import type { ExplainOptions } from './options.js'
import { withPast } from './past.js'
import { probed } from './probe.js'

/** So many tenants of one cause are looked up: with more, it is nobody's own change. */
const LOOKED_UP_MAX = 2

/**
 * Adds what the table knows of the tenants, if there are settings for it: who changed what before the onset and, with
 * `--probe`, what the doctor finds. Without settings nothing is asked, and nothing said.
 */
export async function askTable(
  io: CommandIo,
  diagnoses: readonly Diagnosis[],
  pools: ReadonlyMap<string, string>,
  { probe = false }: ExplainOptions,
): Promise<readonly Diagnosis[]> {
  const isAbout = ({ finding: { everywhere, tenants } }: Diagnosis) => !everywhere && tenants.length <= LOOKED_UP_MAX
  const isSet = Boolean(io.env[SETTINGS.tenantTable.name] && io.env[SETTINGS.awsRegion.name])
  if (!isSet || !diagnoses.some(isAbout)) return diagnoses
  const poolOf = new Map([...pools].map(([pool, tenantId]) => [tenantId, pool]))
  try {
    return await withUpstreams(io, async (upstreams, env) => {
      const asked: Diagnosis[] = []
      for (const diagnosis of diagnoses) {
        const [name = ''] = diagnosis.finding.tenants
        const userPoolId = poolOf.get(name) ?? name
        const record =
          isAbout(diagnosis) && isUserPoolId(userPoolId)
            ? await upstreams.table.fetchConfig(userPoolId, operatorCall())
            : undefined
        if (record === undefined) {
          asked.push(diagnosis)
          continue
        }
        const recorded = { record, versions: await upstreams.table.listVersions(record.userPoolId, operatorCall()) }
        const joined = withPast(diagnosis, recorded, await fetchSecretHistories(record, upstreams))
        asked.push(probe ? await probed(joined, recorded, doctorDeps(io, upstreams, env)) : joined)
      }
      return asked
    })
  } catch (error) {
    if (probe || !(error instanceof Error)) throw error
    writeNote(
      io,
      'note',
      `who changed what before that is not known: ${inLine(isUpstreamError(error) ? saidOf(error) : error.message)}`,
    )
    return diagnoses
  }
}

/**
 * What the doctor finds wrong with a tenant of which the lines show nothing.
 * @returns nothing if the table has no such tenant
 */
export async function askDoctor(
  io: CommandIo,
  tenantId: string,
  pools: ReadonlyMap<string, string>,
): Promise<readonly Finding[] | undefined> {
  const userPoolId = [...pools].find(([, name]) => name === tenantId)?.[0] ?? tenantId
  if (!isUserPoolId(userPoolId)) return
  return await withUpstreams(io, async (upstreams, env) => {
    const record = await upstreams.table.fetchConfig(userPoolId, operatorCall())
    if (record === undefined) return
    const [examined] = await examineAll([record], doctorDeps(io, upstreams, env), () => {})
    return examined?.findings.filter(({ state }) => state === 'failed')
  })
}

type Work = Parameters<typeof withUpstreams<unknown>>[1]

function doctorDeps(io: CommandIo, ...[upstreams, env]: Parameters<Work>): DoctorDeps {
  const settings = readOperatorSettings(io.env, ['gatewayFunctionArn'])
  return { upstreams, env, settings, clock: io.clock }
}
