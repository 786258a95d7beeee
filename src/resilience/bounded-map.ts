import { LRUCache } from 'lru-cache'

/**
 * A map of at most `max` entries; the least recently used one makes room for a new one. Unlike an LRUCache with `max` it
 * takes memory only as it grows, so that a cold start does not pay for ten thousand tenants.
 * @param onEvict called for each entry that had to make room
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
