/** Ports: the outbox of notices, written with the step that completes a run, and the channel that delivers them. */
import { Context, type Effect, Schema } from "effect"
import type { RunId } from "../Ids.ts"
import type { Notice } from "../Notice.ts"
import type { StoreUnavailable } from "./StoreError.ts"

/** A notice with the number of the delivery that is due, counted from 1. */
export interface DueNotice {
  readonly notice: Notice
  readonly delivery: number
}

/** The outbox; each notice is in it once. */
export class Notices extends Context.Service<
  Notices,
  {
    /**
     * Takes notices that are due, at most `limit`, and hides them from other deliverers until `hiddenUntilMillis`: a
     * deliverer that dies leaves them to the next one. A notice is due from the time its run completed.
     */
    readonly takeDue: (
      nowMillis: number,
      hiddenUntilMillis: number,
      limit: number
    ) => Effect.Effect<ReadonlyArray<DueNotice>, StoreUnavailable>
    /** Delivered for good: never due again, whatever is said of it later. */
    readonly markDelivered: (
      runIds: ReadonlyArray<RunId>,
      deliveredAtMillis: number
    ) => Effect.Effect<void, StoreUnavailable>
    /** The delivery failed; the notice is due again at that time. Never changes the run. */
    readonly deferDelivery: (
      runId: RunId,
      dueAtMillis: number,
      problem: string
    ) => Effect.Effect<void, StoreUnavailable>
    /** How many notices are not delivered yet. */
    readonly countPending: Effect.Effect<number, StoreUnavailable>
  }
>()("@countersign/domain/Notices") {}

/** A channel could not deliver; it will be asked again. */
export class DeliveryFailed extends Schema.TaggedError<DeliveryFailed>()("DeliveryFailed", {
  channel: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `the ${this.channel} channel could not deliver: ${this.problem}`
  }
}

/** A way to reach people; it is told a notice again until it has taken it. */
export class NoticeChannel extends Context.Service<
  NoticeChannel,
  {
    /** Delivers at least once; the notice's run id is the same each time, so that a receiver can tell a repetition. */
    readonly deliver: (notice: Notice) => Effect.Effect<void, DeliveryFailed>
  }
>()("@countersign/domain/NoticeChannel") {}
