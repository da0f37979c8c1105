/** Handlers that succeed, fail, dawdle, die and ask again, by chance. */
import { AttemptFailed, Handler, type HandlerContext, PartialSuccess } from "@countersign/worker"
import { Effect } from "effect"
import type { Chance } from "../support/chance.ts"
import { backup, bulk, patient, sync } from "./operations.ts"

/** Some of the work does not go well. */
const mishaps = (chance: Chance): Effect.Effect<void, AttemptFailed> => {
  switch (chance.below(12)) {
    case 0:
      return Effect.fail(new AttemptFailed({ code: "soak.again", message: "Once more.", retry: true }))
    case 1:
      return Effect.fail(new AttemptFailed({ code: "soak.never", message: "Never again.", retry: false }))
    case 2:
      return Effect.fail(
        new AttemptFailed({ code: "soak.later", message: "Later.", retry: true, retryAfterMillis: 4_000 })
      )
    case 3:
      return Effect.die(new Error("soak"))
    default:
      return Effect.void
  }
}

const chunks = (chance: Chance, context: HandlerContext) =>
  Effect.gen(function* () {
    for (let deleted = 1; deleted <= 5; deleted += 1) {
      yield* context.chunk(Effect.sleep(chance.below(1_500)))
      yield* context.reportCounts({ deleted })
    }
    return chance.below(2) === 0
      ? new PartialSuccess<void>(undefined, [{ code: "soak.partly", message: "One is left." }])
      : undefined
  })

/** One handler for each operation; `calls` keeps the run of each call. */
export const makeHandlers = (chance: Chance, calls: Array<string>): ReadonlyArray<Handler> => {
  const work = (context: HandlerContext) =>
    Effect.gen(function* () {
      calls.push(context.runId)
      yield* Effect.sleep(chance.below(2_000))
      if (chance.below(3) === 0) yield* context.checkpoint
      yield* mishaps(chance)
    })
  return [
    Handler.make(sync, (_, context) => work(context)),
    Handler.make(patient, (_, context) => work(context)),
    Handler.make(backup, (_, context) => work(context)),
    Handler.make(bulk, (_, context) => Effect.andThen(work(context), chunks(chance, context)))
  ]
}
