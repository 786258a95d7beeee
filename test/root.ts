import tap from 'tap'

/**
 * What a test file gets as `tap`: tap itself where it runs alone, and in a group (group.ts) the test that stands for the file.
 * `run.mjs` puts this in tap's place.
 */
let current: typeof tap = tap

/** From now on, the file that is loaded belongs to this test. */
export function setRoot(root: typeof tap): void {
  current = root
}

export { current as default }
