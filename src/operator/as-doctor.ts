import type { AssumeRole, OperatorUpstreams } from '../upstreams/operator.js'
import { operatorCall } from './upstreams.js'

/**
 * How a customer's role is assumed by an operator, who may not: as the doctor. The doctor's own role is assumed beforehand, so
 * that what a login has for STS is left for the customer's.
 * @param sessionName as CloudTrail shows who was the doctor
 */
export async function createAssumeAsDoctor(
  { assumeRole, assumeRoleAs }: Pick<OperatorUpstreams, 'assumeRole' | 'assumeRoleAs'>,
  doctorRoleArn: string,
  sessionName: string,
): Promise<AssumeRole> {
  const doctor = await assumeRole({ roleArn: doctorRoleArn, sessionName }, operatorCall())
  return (asked, call) => assumeRoleAs(doctor, asked, call)
}
