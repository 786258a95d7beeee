/**
 * Loaded before each test file. tap follows every promise of a process by async hooks (async-hook-domain), to tell the subtest of
 * an error that nobody caught; that costs a fifth of all time. Without them such an error ends the process, and so fails its file.
 */
import asyncHooks from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

const hook = { enable: () => hook, disable: () => hook }
asyncHooks.createHook = () => hook
syncBuiltinESMExports()
