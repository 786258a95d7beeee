import { CompositePrincipal, type IPrincipal, ServicePrincipal } from 'aws-cdk-lib/aws-iam'

/**
 * Who works as the gateway if there are containers too: customers' roles trust one role of ours, so tasks have that of
 * the function. ECS takes it for this account alone (its documentation of task roles, on the confused deputy).
 */
export function functionOrContainers(account: string): IPrincipal {
  const tasks = new ServicePrincipal('ecs-tasks.amazonaws.com', {
    conditions: { StringEquals: { 'aws:SourceAccount': account } },
  })
  return new CompositePrincipal(new ServicePrincipal('lambda.amazonaws.com'), tasks)
}
