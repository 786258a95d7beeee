import { textAt } from '../../fields.js'
import { partitionOf } from '../../ids.js'
import type { TenantFile } from '../../tenant/config.js'

/**
 * Of the role, its template and its Terraform forms, for people who review them: another one for every change of them. A
 * test holds it together with the template's checksum.
 */
export const ROLE_VERSION = '3'

/** The IAM documents that we write; the subset of the policy language that they need. */
export interface IamStatement {
  readonly Sid?: string
  readonly Effect: 'Allow'
  readonly Principal?: { readonly AWS: string }
  readonly Action: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
}

export interface IamPolicy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly IamStatement[]
}

/** Permissions for one pool of one customer account, and who gets them. */
export interface RoleTerms {
  readonly userPoolId: string
  /** The account that owns the pool. */
  readonly accountId: string
  /** The pool's primary region: role calls go there. */
  readonly region: string
  readonly externalId: string
  readonly features: readonly Feature[]
  /** The customer's own functions that answer triggers of the pool: see {@link chainedFunctions}. */
  readonly functionArns?: readonly string[]
  /** The gateway's account is the one that this role is in. */
  readonly gatewayRoleArn: string
  readonly doctorRoleArn: string
}

/** The role as it must be in the customer's account. */
export interface CustomerRole {
  readonly path: string
  readonly name: string
  readonly arn: string
  readonly trust: IamPolicy
  readonly permissions: IamPolicy
}

/** The same terms in the words that the documents are made of; a template has placeholders instead. */
interface RoleWords extends Omit<RoleTerms, 'functionArns'> {
  /** A template has one placeholder for all. */
  readonly functionArns?: string | readonly string[]
  readonly partition: string
  readonly gatewayAccountId: string
}

/** The one description of the customer's role; CloudFormation, Terraform and the embedded stack are made of it. */
export function describeCustomerRole(terms: RoleTerms): CustomerRole {
  const gatewayAccountId = terms.gatewayRoleArn.split(':')[4] ?? ''
  return customerRoleOf({ ...terms, partition: partitionOf(terms.region), gatewayAccountId })
}

/** The customer's own functions that a tenant's triggers are chained to. */
export function chainedFunctions({ triggers = {} }: { triggers?: TenantFile['triggers'] | undefined }): string[] {
  const values: readonly unknown[] = Object.values(triggers)
  return [...new Set(values.flatMap((value) => textAt(value, 'functionArn') ?? []))]
}

/** {@link describeCustomerRole} for a caller that brings every word of it. */
export function customerRoleOf(words: RoleWords): CustomerRole {
  const { userPoolId, accountId, region, features, functionArns = [], partition } = words
  // With a pool id of 55 characters at most within the 64 that IAM allows a role's name.
  const [path, name] = ['/corbado/', `corbado-${userPoolId}`]
  const poolArn = `arn:${partition}:cognito-idp:${region}:${accountId}:userpool/${userPoolId}`
  const Statement = FEATURE_NAMES.filter((feature) => features.includes(feature)).map((feature) =>
    statementOf(feature, poolArn),
  )
  const Chain = { Sid: 'Chain', Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: functionArns } as const
  return {
    path,
    name,
    arn: `arn:${partition}:iam::${accountId}:role${path}${name}`,
    trust: trustPolicy(words),
    permissions: { Version: '2012-10-17', Statement: functionArns.length === 0 ? Statement : [...Statement, Chain] },
  }
}

/**
 * Names the account, not the roles, as principal: IAM keeps a role there as its unique id, so that a role created again
 * would be refused by every customer (fact A34). The condition names the roles.
 */
function trustPolicy({ partition, gatewayAccountId, externalId, gatewayRoleArn, doctorRoleArn }: RoleWords): IamPolicy {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:${partition}:iam::${gatewayAccountId}:root` },
        Action: 'sts:AssumeRole',
        Condition: {
          StringEquals: { 'sts:ExternalId': externalId },
          ArnEquals: { 'aws:PrincipalArn': [gatewayRoleArn, doctorRoleArn] },
        },
      },
    ],
  }
}

function statementOf(feature: Feature, poolArn: string): IamStatement {
  const { sid, operations } = FEATURES[feature]
  const Action = Object.keys(operations).map((operation) => `cognito-idp:${operation}`)
  return { Sid: sid, Effect: 'Allow', Action, Resource: poolArn }
}

/**
 * What a customer can let us do, by feature: the Cognito operations (all of them take the pool's ARN) and why they are
 * needed, as the hand-over says it. `pre-login` is served for every tenant, so it cannot be left out.
 */
export const FEATURES = {
  'pre-login': {
    sid: 'PreLogin',
    operations: {
      AdminGetUser: 'finds the user who wants to sign in, and whether the account may',
      ListUsers: 'finds users by e-mail, phone number or preferred user name if that is no alias of the pool',
    },
  },
  'post-append': {
    sid: 'PostAppend',
    operations: {
      AdminGetUser: 'sees whether the user has an MFA factor already',
      AdminSetUserMFAPreference: 'sets the chosen MFA factor once the user has a passkey, if there is none yet',
    },
  },
  'post-login': {
    sid: 'PostLogin',
    operations: {
      AdminInitiateAuth:
        'begins a login for a user who has shown a passkey, if your application leaves that to Corbado',
      AdminRespondToAuthChallenge: 'ends it with the proof, and gets the tokens that go to your application',
    },
  },
  claim: {
    sid: 'Claim',
    operations: {
      DescribeUserPoolClient:
        'sees, at each sign-in of an app client with the claim, that no other way to sign in is open there',
    },
  },
  checks: {
    sid: 'Checks',
    operations: {
      DescribeUserPool: 'sees whether the triggers point at the gateway and the settings fit passkey logins',
      DescribeUserPoolClient: 'sees whether the app clients allow custom authentication',
      ListUserPoolClients: 'finds the app clients',
      GetUserPoolMfaConfig: 'sees whether the chosen MFA factor is possible',
    },
  },
} as const satisfies Record<string, { sid: string; operations: Readonly<Record<string, string>> }>

export type Feature = keyof typeof FEATURES
export const FEATURE_NAMES: readonly Feature[] = ['pre-login', 'post-append', 'post-login', 'claim', 'checks']
/** Those that most tenants have; the others are for customers who ask for what they are of. */
export const USUAL_FEATURES: readonly Feature[] = ['pre-login', 'post-append', 'checks']
