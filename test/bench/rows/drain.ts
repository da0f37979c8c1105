/** Draining a queue by admissions alone, in as many lanes as the store has. */
import { type Admitted, admitNext } from "@countersign/worker"
import { Clock, Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import type { Store } from "../stores/Store.ts"
import { catalogue, operation } from "../stores/world.ts"

/** Longer than any drain: nobody renews these leases. */
const LEASE_MILLIS = 60 * 60 * 1000

/** One admission of at most so many runs. */
export const admit = (limit: number) =>
  Effect.flatMap(Clock.currentTimeMillis, (nowMillis) =>
    admitNext(
      { limit, operationTypes: [operation.type], nowMillis, order: "oldest", passOver: [], fullLanes: [] },
      {
        catalogue,
        lease: { holder: "bench", untilMillis: nowMillis + LEASE_MILLIS },
        nowMillis,
        retryFactsAtMillis: nowMillis + 1_000
      }
    )
  )

/** Admits until so many runs are decided; tells `then` of each admission, within the time that is measured. */
const lane = Effect.fnUntraced(function* (
  left: { runs: number },
  batch: number,
  then: (admitted: Admitted) => Effect.Effect<void>
) {
  while (left.runs > 0) {
    const limit = Math.min(batch, left.runs)
    left.runs -= limit
    const admitted = yield* admit(limit)
    left.runs += limit - admitted.claimed
    if (admitted.claimed === 0 || admitted.fenced.size > 0 || admitted.undecided.length > 0) {
      return yield* Effect.die(new Error("runs that wait were not decided"))
    }
    yield* then(admitted)
  }
})

/** Milliseconds for deciding so many runs in all lanes of the store. */
export const millisToAdmit = Effect.fnUntraced(function* (
  { lanes }: Pick<Store, "lanes">,
  runs: number,
  batch: number,
  then: (admitted: Admitted) => Effect.Effect<void> = () => Effect.void
) {
  const left = { runs }
  const begun = performance.now()
  yield* Effect.all(
    Array.from({ length: lanes }, () => lane(left, batch, then)),
    { concurrency: "unbounded", discard: true }
  )
  return performance.now() - begun
}, Effect.provide(SecureRandom.layerWebCrypto))
