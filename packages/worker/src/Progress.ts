/**
 * Progress: what handlers count is stored once in a while, all of it in one statement, and not at all while nothing changes.
 * The final counts are part of the step that ends the attempt.
 *
 * Contract section 8.
 */
import { RunStore } from "@countersign/domain"
import { Effect } from "effect"
import { perpetually } from "./Perpetual.ts"
import type { WorkInHand } from "./WorkInHand.ts"

/** How often counts are stored, in milliseconds. */
const INTERVAL_MILLIS = 1_000
/** A store that takes longer has not stored them: what is said by then is stored the next time. */
const DEADLINE_MILLIS = 10_000

/** Stores counts for ever. */
export const runProgress = (inHand: WorkInHand): Effect.Effect<never, never, RunStore> =>
  perpetually("storing progress", Effect.andThen(Effect.sleep(INTERVAL_MILLIS), saveChanged(inHand)))

const saveChanged = Effect.fnUntraced(function* (inHand: WorkInHand) {
  const changed = inHand.all().filter((work) => work.counts !== work.savedCounts)
  if (changed.length === 0) return
  const reports = changed.map(({ run, counts }) => ({ id: run.dispatch.id, admission: run.admission, counts }))
  const store = yield* RunStore
  yield* Effect.timeout(store.saveCounts(reports), DEADLINE_MILLIS)
  for (const [index, work] of changed.entries()) work.savedCounts = reports[index]?.counts ?? work.savedCounts
})
