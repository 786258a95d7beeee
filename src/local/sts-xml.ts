import { createQueryXml } from './aws/query.js'

/** How STS answers. */
export const {
  success: stsSuccess,
  failure: stsFailure,
  denied: stsDenied,
  fault: stsFault,
} = createQueryXml('https://sts.amazonaws.com/doc/2011-06-15/')
