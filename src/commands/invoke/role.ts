import { operatorCall } from '../../operator/upstreams.js'
import type { AssumeRole, OperatorUpstreams } from '../../upstreams/operator.js'

/**
 * How a customer's role is assumed here: as the doctor, since an operator may not. The doctor's own role is assumed
 * beforehand, so that what a login has for STS is left for the customer's.
 */
export async function createAssumeAsDoctor(
  { assumeRole, assumeRoleAs }: OperatorUpstreams,
  doctorRoleArn: string,
): Promise<AssumeRole> {
  const request = { roleArn: doctorRoleArn, sessionName: 'corbado-invoke' }
  const doctor = await assumeRole(request, operatorCall())
  return (asked, call) => assumeRoleAs(doctor, asked, call)
}
