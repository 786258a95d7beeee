import type { Action } from './action.js'
import { postAppend } from './post-append.js'
import { postLogin } from './post-login.js'
import { preLogin } from './pre-login.js'

/** Every action that Corbado Connect can call. */
export const actions: readonly Action[] = [preLogin, postLogin, postAppend]
