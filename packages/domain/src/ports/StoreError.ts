/**
 * How a store fails. Expected, typed, and saying what to do; a corrupted row is told apart from a store that is away.
 */
import { Schema } from "effect"

/** What is wrong with a store, as far as a caller can act on it. */
export const StoreTrouble = Schema.Literals([
  /** Nobody answers at the address, or the connection broke. */
  "unreachable",
  /** User or password are refused. */
  "access_refused",
  /** Another transaction is in the way; the same call may succeed when made again. */
  "conflict",
  /** The tables are missing, older or newer than this code. */
  "schema_mismatch",
  /** Anything else the database refuses. */
  "rejected"
])
export type StoreTrouble = typeof StoreTrouble.Type

/** A store did not do what was asked; nothing of it was written. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  trouble: StoreTrouble,
  /** What was being done, such as `claim queued runs`. */
  operation: Schema.String,
  /** What to do about it, for a person. */
  advice: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `could not ${this.operation}: ${this.advice}`
  }
}

/** No run has this id. */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", { runId: Schema.String }) {
  override get message() {
    return `there is no run ${this.runId}`
  }
}

/** A stored run that makes no sense, such as a row edited by hand into an impossible state. */
export class RunUnreadable extends Schema.TaggedError<RunUnreadable>()("RunUnreadable", {
  runId: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `the stored run ${this.runId} cannot be read: ${this.problem}`
  }
}
