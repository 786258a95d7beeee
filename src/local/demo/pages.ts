import { join } from 'node:path'
import { NotPossible } from '../../terminal/failure.js'
import { readTextFile } from '../../terminal/file.js'

/** One file of the page. */
export interface PageFile {
  readonly path: string
  readonly type: string
  readonly text: string
}

const BYTES_MAX = 4 * 1024 * 1024
const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'main.js': 'text/javascript; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
}

/**
 * Reads the page as it was built.
 * @throws NotPossible if it was not
 */
export function readPages(built: string): Promise<readonly PageFile[]> {
  const reads = Object.entries(TYPES).map(async ([name, type]) => {
    const file = join(built, 'demo', name)
    const read = await readTextFile(file, BYTES_MAX)
    if (read.kind !== 'text') throw new NotPossible(`${file} cannot be read: npm run build makes it`)
    return { path: name === 'index.html' ? '/' : `/${name}`, type, text: read.text }
  })
  return Promise.all(reads)
}

/** What is served to a browser that came by another name than localhost. */
export const elsewherePage = (url: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Open it as localhost</title>
<link rel="stylesheet" href="/style.css">
<main class="card elsewhere">
<h1>Open it as localhost</h1>
<p>Passkeys of this demo work at localhost alone, not under another name and not from another device. Over SSH, forward the same port.</p>
<p><a href="${url}">${url}</a></p>
</main>
</html>
`

/** Nothing but what this server serves, and no script in a page or an attribute. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** Headers of every answer. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}
