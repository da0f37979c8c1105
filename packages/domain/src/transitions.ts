/**
 * The lifecycle as one table: which event may move a run from which state to which. The diagram in the package's README
 * is drawn from it, and `lifecycle.ts` is held to it pair by pair. A pair that is not here is an illegal transition.
 *
 * Contract section 3; law `every_pair_is_decided`.
 */
import type { RunState } from "./Run.ts"

import type { RunEvent } from "./RunEvent.ts"

/** The name of an event. */
export type RunEventTag = RunEvent["_tag"]

/** Every event, in the order of the table. */
export const RUN_EVENTS: ReadonlyArray<RunEventTag> = [
  "Start",
  "Block",
  "Hold",
  "Cancel",
  "Expire",
  "Succeed",
  "PartiallySucceed",
  "Fail",
  "FailAttempt",
  "Revoke",
  "Release",
  "LoseLease"
]

/** Where a run comes from. */
export type Birth = "Dispatch" | "FailDispatch"

/** A row of the table: the only states that this event, in this state, can lead to. */
export interface Transition {
  readonly from: RunState
  readonly event: RunEventTag
  readonly to: ReadonlyArray<RunState>
  /** The arrow's label: what brings it about. */
  readonly cause: string
}

/** A way a run comes into being. */
export interface Beginning {
  readonly event: Birth
  readonly to: RunState
  readonly cause: string
}

/** Every way a run comes into being. */
export const beginnings: ReadonlyArray<Beginning> = [
  { event: "Dispatch", to: "Queued", cause: "dispatch" },
  { event: "FailDispatch", to: "Failed", cause: "dispatch cannot enqueue" }
]

/** Every legal pair of state and event, once. */
export const transitions: ReadonlyArray<Transition> = [
  { from: "Queued", event: "Start", to: ["Running"], cause: "start, with a permit" },
  { from: "Queued", event: "Block", to: ["Blocked"], cause: "block, denied at admission" },
  { from: "Queued", event: "Hold", to: ["Queued"], cause: "hold, denied for now" },
  { from: "Queued", event: "Cancel", to: ["Cancelled"], cause: "cancel" },
  { from: "Queued", event: "Expire", to: ["Failed"], cause: "expire, waited past its limit" },
  { from: "Running", event: "Succeed", to: ["Succeeded"], cause: "succeed" },
  { from: "Running", event: "PartiallySucceed", to: ["PartiallySucceeded"], cause: "partially succeed" },
  { from: "Running", event: "Fail", to: ["Failed"], cause: "fail" },
  { from: "Running", event: "FailAttempt", to: ["Queued", "Failed"], cause: "attempt failed" },
  { from: "Running", event: "Revoke", to: ["Blocked"], cause: "revoke, denied while running" },
  { from: "Running", event: "Release", to: ["Queued"], cause: "release, worker stops" },
  { from: "Running", event: "Cancel", to: ["Cancelled"], cause: "cancel, work interrupted" },
  { from: "Running", event: "LoseLease", to: ["Queued", "Failed"], cause: "lease lost" }
]
