/**
 * A transition the machine refuses. A value to return, record or show; nothing was written.
 *
 * Contract section 3.
 */
import { Schema } from "effect"
import { RunId } from "./Ids.ts"

/** Why the machine refuses. */
export const IllegalReason = Schema.Literals([
  /** The pair of state and event is not in the table. */
  "not_in_table",
  /** The report or permit belongs to an earlier admission of the run. */
  "stale_admission",
  /** The permit or denial is about another run. */
  "other_run",
  /** The denial is for good: waiting cannot help, so the run is not held for it. */
  "not_retryable",
  /** What was handed over as a permit or denial was not made by `authorize`. */
  "not_genuine",
  /** The run changed in the store since it was read. */
  "changed_meanwhile"
])
export type IllegalReason = typeof IllegalReason.Type

/** The refusal of one event by one run, in its state at that time. */
export class IllegalTransition extends Schema.TaggedError<IllegalTransition>()("IllegalTransition", {
  runId: RunId,
  from: Schema.String,
  event: Schema.String,
  reason: IllegalReason
}) {
  override get message() {
    return `run ${this.runId}: ${this.event} is refused while ${this.from} (${this.reason})`
  }
}
