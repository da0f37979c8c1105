/** Ports: the outbox of notices, written with the step that completes a run, and the channel that delivers them. */
import { Context, type Effect, Schema } from "effect"
import type { RunId } from "../Ids.ts"
import type { Notice } from "../Notice.ts"
import type { StoreUnavailable } from "./StoreError.ts"

/** A notice with the number of the delivery that is due, counted from 1. */
export interface DueNotice {
  readonly notice: Notice
  readonly delivery: number
  /** The channels, of several, that took it at an earlier delivery. */
  readonly takenBy: ReadonlyArray<string>
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
    /**
     * The delivery failed; the notice is due again at that time, and what has taken it meanwhile is remembered in place of what
     * was. Never changes the run.
     */
    readonly deferDelivery: (
      runId: RunId,
      dueAtMillis: number,
      problem: string,
      takenBy: ReadonlyArray<string>
    ) => Effect.Effect<void, StoreUnavailable>
    /** How many notices are not delivered yet. */
    readonly countPending: Effect.Effect<number, StoreUnavailable>
  }
>()("@countersign/domain/Notices") {}

/** A channel could not deliver; it will be asked again. */
export class DeliveryFailed extends Schema.TaggedError<DeliveryFailed>()("DeliveryFailed", {
  channel: Schema.String,
  /** Fit to be stored and logged: no secret, nothing of what was sent. */
  problem: Schema.String,
  /** Ask again no sooner than after this long, when the receiver said so; milliseconds. */
  retryAfterMillis: Schema.optionalKey(Schema.Natural),
  /** Of several channels, those that have taken the notice: they are not to be asked again. */
  takenBy: Schema.optionalKey(Schema.Array(Schema.String))
}) {
  override get message() {
    return `the ${this.channel} channel could not deliver: ${this.problem}`
  }
}

/** A way to reach people; it is told a notice again until it has taken it. */
export class NoticeChannel extends Context.Service<
  NoticeChannel,
  {
    /**
     * Delivers at least once; the notice's run id is the same each time, so that a receiver can tell a repetition. A channel
     * made of several asks only those that have not taken the notice before.
     */
    readonly deliver: (notice: Notice, takenBy: ReadonlyArray<string>) => Effect.Effect<void, DeliveryFailed>
  }
>()("@countersign/domain/NoticeChannel") {}

/** A channel was given options with which it could never deliver. */
export class ChannelMisconfigured extends Schema.TaggedError<ChannelMisconfigured>()("ChannelMisconfigured", {
  channel: Schema.String,
  problem: Schema.String,
  /** What to do about it, for a person. */
  advice: Schema.String
}) {
  override get message() {
    return `the ${this.channel} channel cannot be used: ${this.problem}: ${this.advice}`
  }
}
