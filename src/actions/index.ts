import type { Action } from './action.js'
import { postAppend } from './post-append.js'
import { preLogin } from './pre-login.js'

/** Every action that Corbado Connect can call. */
export const actions: readonly Action[] = [preLogin, postAppend]
