/**
 * A run: one dispatched operation, and the canonical record of it. One case per state, so that a state and its fields
 * cannot disagree; `status` and `outcome` are derived from the case.
 *
 * Contract sections 2 and 3.
 */
import { Schema } from "effect"
import { ActorKind } from "./Authority.ts"
import { Failure } from "./Decision.ts"
import { DeniedOnTheWire } from "./ExecutionLegitimacy.ts"
import { HostString, RunId } from "./Ids.ts"
import { Priority } from "./Priority.ts"
import { Slot } from "./Slot.ts"
import { Subject } from "./Snapshot.ts"

/** What a dispatch fixed once and for all. */
export const Dispatch = Schema.Struct({
  id: RunId,
  subject: Subject,
  /** What kind of actor dispatched it; provenance for the audit record, never authority. */
  actorKind: ActorKind,
  /** The initiator's name at dispatch, kept after the person is deleted. */
  initiatorName: Schema.NullOr(HostString),
  payload: Schema.Json,
  /** Unique among active runs (section 8). */
  identity: Schema.String,
  maxAttempts: Schema.Int,
  priority: Priority,
  dispatchedAtMillis: Schema.Int,
  /** A run that still waits then is given up. */
  expiresAtMillis: Schema.Int,
  /** The run that this one was dispatched to do again. */
  retryOf: Schema.NullOr(RunId),
  /** The slot of the schedule it was dispatched for; provenance, like `actorKind`. */
  slot: Schema.NullOr(Slot)
})
export type Dispatch = typeof Dispatch.Type

/** Why work failed: a stable code and a message fit for the initiator. */
export const RunFailure = Schema.Struct({ code: Schema.NonEmptyString, message: Schema.String })
export type RunFailure = typeof RunFailure.Type

/** The code of the failure that says that work is done, but that its result was too large to be kept. */
export const RESULT_TOO_LARGE = "handler.result_too_large"

/** The code of the failure that ends a run whose stored row makes no sense. */
export const RUN_UNREADABLE = "run.unreadable"

/** The failure of a run that was set aside because of what is wrong with its row. */
export const unreadableFailure = (problem: string): RunFailure => ({
  code: RUN_UNREADABLE,
  message: `The stored run could not be read: ${problem}`
})

/** What a handler counted, such as `{ deleted: 120 }`. Whole numbers. */
export const Counts = Schema.Record(Schema.String, Schema.Int)
export type Counts = typeof Counts.Type

/** The person or program that cancelled a run; null when nobody is named. */
export const Canceller = Schema.Struct({ kind: ActorKind, id: Schema.NullOr(HostString) })
export type Canceller = typeof Canceller.Type

/** Why a run is held in the queue, and since when: denied for a reason that may pass. */
export const Held = Schema.Struct({ failure: Failure, sinceMillis: Schema.Int })
export type Held = typeof Held.Type

/** What every state knows. `attempt` and `admission` count from 1. */
const common = {
  dispatch: Dispatch,
  attempt: Schema.Int,
  admission: Schema.Int
}

/** What every completed state knows; `startedAtMillis` is null when the run never started. */
const completed = {
  ...common,
  startedAtMillis: Schema.NullOr(Schema.Int),
  completedAtMillis: Schema.Int,
  counts: Counts
}

/** A run in one of its states. */
export const Run = Schema.TaggedUnion({
  /** Waits. `admission` is the number its next admission will have. */
  Queued: {
    ...common,
    startedAtMillis: Schema.NullOr(Schema.Int),
    availableAtMillis: Schema.Int,
    counts: Counts,
    /** Null for a run that just waits for its turn. */
    held: Schema.NullOr(Held)
  },
  /** A worker acts, under the admission of that number. */
  Running: { ...common, startedAtMillis: Schema.Int, counts: Counts },
  Succeeded: { ...completed, startedAtMillis: Schema.Int, result: Schema.NullOr(Schema.Json) },
  PartiallySucceeded: {
    ...completed,
    startedAtMillis: Schema.Int,
    result: Schema.NullOr(Schema.Json),
    failures: Schema.NonEmptyArray(RunFailure)
  },
  Blocked: { ...completed, legitimacy: DeniedOnTheWire, failure: Failure },
  Failed: { ...completed, failure: RunFailure },
  Cancelled: { ...completed, by: Canceller }
})
export type Run = typeof Run.Type
/** A run that waits for its next admission. */
export type Queued = typeof Run.cases.Queued.Type
/** A run that a worker acts on. */
export type Running = typeof Run.cases.Running.Type
/** A run whose work is done. */
export type Succeeded = typeof Run.cases.Succeeded.Type
/** A run whose work is done in part; the failures say what is not. */
export type PartiallySucceeded = typeof Run.cases.PartiallySucceeded.Type
/** A run that was denied, before its first start or after. */
export type Blocked = typeof Run.cases.Blocked.Type
/** A run that was allowed and broke, or waited too long, or was never enqueued. */
export type Failed = typeof Run.cases.Failed.Type
/** A run that somebody called off. */
export type Cancelled = typeof Run.cases.Cancelled.Type

/** How a run stands, as far as words need it: of a failed one, the failure says it all. */
export type Standing = Exclude<Run, Failed> | Pick<Failed, "_tag" | "failure">

/** A run's case. */
export type RunState = Run["_tag"]
/** Every state, in the order of a life. */
export const RUN_STATES: ReadonlyArray<RunState> = [
  "Queued",
  "Running",
  "Succeeded",
  "PartiallySucceeded",
  "Blocked",
  "Failed",
  "Cancelled"
]

/** A run that reached its end. Law `terminal_states_absorb`. */
export type Completed = Succeeded | PartiallySucceeded | Blocked | Failed | Cancelled

/** Whether the run is over; whatever happens next is refused. */
export const isCompleted = (run: Run): run is Completed => run._tag !== "Queued" && run._tag !== "Running"

/** Where a run stands; wire values. */
export const RunStatus = Schema.Literals(["queued", "running", "completed"])
export type RunStatus = typeof RunStatus.Type

/** How a run ended; `pending` until it has. Wire values. */
export const RunOutcome = Schema.Literals([
  "pending",
  "succeeded",
  "partially_succeeded",
  "blocked",
  "failed",
  "cancelled"
])
export type RunOutcome = typeof RunOutcome.Type

/** Status and outcome of each case; the wire values of section 3. */
export const wireStateOf: Readonly<Record<RunState, { readonly status: RunStatus; readonly outcome: RunOutcome }>> = {
  Queued: { status: "queued", outcome: "pending" },
  Running: { status: "running", outcome: "pending" },
  Succeeded: { status: "completed", outcome: "succeeded" },
  PartiallySucceeded: { status: "completed", outcome: "partially_succeeded" },
  Blocked: { status: "completed", outcome: "blocked" },
  Failed: { status: "completed", outcome: "failed" },
  Cancelled: { status: "completed", outcome: "cancelled" }
}
