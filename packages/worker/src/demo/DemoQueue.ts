/** The queue as a demo's worker sees it: only the demo's own runs, so that nobody else's are ever touched. */
import { type RunId, RunQueue } from "@countersign/domain"
import { Effect, Layer } from "effect"

/** Holds exactly these of the queued runs. */
export const layerQueueOf = (ids: ReadonlyArray<RunId>): Layer.Layer<RunQueue, never, RunQueue> =>
  Layer.effect(
    RunQueue,
    Effect.map(RunQueue, (queue) => ({
      ...queue,
      holdNext: () => Effect.map(queue.holdThese(ids), (page) => ({ ...page, mayHaveMore: false }))
    }))
  )
