import { WrongUsage } from '../../terminal/failure.js'

/** What a quick-create link fills in on CloudFormation's page. */
export interface QuickCreate {
  readonly region: string
  readonly stackName: string
  readonly templateUrl: string
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Reads a quick-create link.
 * @throws WrongUsage for any other text
 */
export function parseQuickCreate(link: string): QuickCreate {
  const url = URL.canParse(link) ? new URL(link) : undefined
  const region = url?.searchParams.get('region')
  const [page, query = ''] = (url?.hash ?? '').split(/\?(.*)/s)
  const words = new URLSearchParams(query)
  const [stackName, templateUrl] = [words.get('stackName'), words.get('templateURL')]
  if (page !== '#/stacks/create/review' || !region || !stackName || !templateUrl) {
    throw new WrongUsage('that is no quick-create link; the hand-over has it between < and >')
  }
  const parameters = [...words].flatMap(([name, value]) =>
    name.startsWith('param_') ? [[name.slice('param_'.length), value]] : [],
  )
  return { region, stackName, templateUrl, parameters: Object.fromEntries(parameters) }
}
