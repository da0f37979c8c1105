/** A store in which somebody has edited the row of a run by hand, so that it cannot be read any more. */
import { type Run, type RunId, type RunPage, RunStore, RunUnreadable } from "@countersign/domain"
import { Effect, Layer } from "effect"

/** Whoever holds this run among others finds it unreadable. */
export const layerEdited = (id: RunId): Layer.Layer<RunStore, never, RunStore> =>
  Layer.effect(
    RunStore,
    Effect.map(RunStore, (real) => {
      const edited = <R extends Run>({ runs, unreadable }: RunPage<R>): RunPage<R> => ({
        runs: runs.filter(({ dispatch }) => dispatch.id !== id),
        unreadable: runs.some(({ dispatch }) => dispatch.id === id)
          ? [...unreadable, new RunUnreadable({ runId: id, problem: "status is “rnning”" })]
          : unreadable
      })
      return RunStore.of({
        ...real,
        holdOrphans: (nowMillis, limit) => Effect.map(real.holdOrphans(nowMillis, limit), edited),
        holdExpired: (nowMillis, limit) => Effect.map(real.holdExpired(nowMillis, limit), edited)
      })
    })
  )
