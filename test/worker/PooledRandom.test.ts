/** Random bytes from a pool: as many as asked for, and none of them twice. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { layerPooledRandom } from "../../packages/worker/src/PooledRandom.ts"

/** Past several refills of the pool. */
const MANY = 2_000

describe("bytes from a pool", () => {
  it.effect("come as many as asked for, whatever is left in it", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      for (const size of [0, 1, 4_095, 16, 4_096, 7, 4_097, 100_000, 16]) {
        assert.lengthOf(yield* random.randomBytes(size), size)
      }
    }).pipe(Effect.provide(layerPooledRandom))
  )

  it.effect("are given out once, and belong to whoever asked", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const seen = new Set<string>()
      for (let index = 0; index < MANY; index++) {
        const bytes = yield* random.randomBytes(16)
        seen.add(Buffer.from(bytes).toString("hex"))
        // What is done to them must not show in what comes next.
        bytes.fill(0)
      }
      assert.strictEqual(seen.size, MANY)
    }).pipe(Effect.provide(layerPooledRandom))
  )

  it.effect("make ids that differ and follow each other", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const ids: Array<string> = []
      for (let index = 0; index < MANY; index++) ids.push(yield* random.uuidV7())
      assert.strictEqual(new Set(ids).size, MANY)
      assert.deepStrictEqual(ids.toSorted(), ids)
    }).pipe(Effect.provide(layerPooledRandom))
  )

  it.effect("are others in another service", () =>
    Effect.gen(function* () {
      const bytes = Effect.flatMap(SecureRandom.SecureRandom, (random) => random.randomBytes(32))
      const one = yield* Effect.provide(bytes, layerPooledRandom, { local: true })
      const other = yield* Effect.provide(bytes, layerPooledRandom, { local: true })
      assert.notDeepEqual(one, other)
    })
  )
})
