import { LRUCache } from 'lru-cache'

/**
 * A map that holds at most so many entries; the least recently used one makes room. Unlike an LRUCache with `max` it
 * takes its memory as it grows: a cold start would otherwise pay for ten thousand tenants before the first one.
 */
export function createBoundedMap<K extends string, V extends object | number>(
  max: number,
  onEvict: () => void = () => undefined,
): LRUCache<K, V> {
  return new LRUCache<K, V>({
    maxSize: max,
    sizeCalculation: () => 1,
    dispose: (_value, _key, reason) => {
      if (reason === 'evict') onEvict()
    },
  })
}
