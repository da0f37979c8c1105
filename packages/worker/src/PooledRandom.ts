/** Secure random bytes taken from the source many at a time: ids are made one by one, hundreds in a row. */
import { Layer } from "effect"
import { SecureRandom } from "effect/crypto"

/** Bytes taken from the source at once: for 256 ids. */
const POOL_BYTES = 4_096

/**
 * `SecureRandom` over the Web Crypto API. Each byte is given out once. Asking the source anew for each id costs several times what
 * making the id does.
 */
export const layerPooledRandom: Layer.Layer<SecureRandom.SecureRandom> = Layer.sync(SecureRandom.SecureRandom, () => {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  return SecureRandom.make((size) => {
    if (size > POOL_BYTES) return SecureRandom.randomBytesUnsafe(size)
    if (used + size > POOL_BYTES) {
      globalThis.crypto.getRandomValues(pool)
      used = 0
    }
    used += size
    return pool.slice(used - size, used)
  })
})
