/**
 * The heartbeat: renews the lease of everything in hand, and learns from it what is not ours any more (cancelled, or taken over
 * after a silence). A worker that cannot renew stops acting when its lease ends: others may have taken its runs by then.
 *
 * Contract section 3.
 */
import { RunStore } from "@countersign/domain"
import { Clock, Effect } from "effect"
import type { LoopTerms } from "./Loop.ts"

/** Beats three times per lease, for ever. */
export const runHeartbeat = <R>({ name, limits, inHand }: LoopTerms<R>): Effect.Effect<never, never, RunStore> =>
  Effect.gen(function* () {
    const store = yield* RunStore
    let leaseUntilMillis = (yield* Clock.currentTimeMillis) + limits.leaseMillis

    const renew = Effect.gen(function* () {
      const held = inHand.held()
      const lease = { holder: name, untilMillis: (yield* Clock.currentTimeMillis) + limits.leaseMillis }
      if (held.length > 0) {
        const stillHeld = yield* store.extendLeases(held, lease)
        yield* Effect.forEach(held, ({ id }) => (stillHeld.has(id) ? Effect.void : inHand.end(id, "moved_on")), {
          discard: true
        })
      }
      leaseUntilMillis = lease.untilMillis
    })

    const beat = renew.pipe(
      Effect.catch((error) =>
        Effect.gen(function* () {
          yield* Effect.logWarning(`leases could not be renewed: ${error.message}`)
          if ((yield* Clock.currentTimeMillis) < leaseUntilMillis) return
          yield* inHand.endAll("moved_on")
        })
      )
    )

    return yield* Effect.forever(Effect.andThen(Effect.sleep(limits.leaseMillis / 3), beat))
  })
