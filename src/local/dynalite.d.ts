declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** Of the options, only what we use. */
  export default function dynalite(options?: { createTableMs?: number; path?: string }): Server
}
