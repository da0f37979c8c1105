/** A store to measure: every port over one technology, filled with the same world, and able to check what a drain left. */
import type {
  AuditLog,
  Facts,
  Fence,
  Notices,
  Pauses,
  RunQueue,
  RunStore,
  Schedules,
  UnitOfWork
} from "@countersign/domain"
import { type Context, Data, type Effect, type Scope } from "effect"

export type Ports = AuditLog | Facts | Fence | Notices | Pauses | RunQueue | RunStore | Schedules | UnitOfWork

/** How far the runs of a drain must have come. */
export type Stage = "dispatched" | "admitted" | "completed"

/** A store with what was asked for in it. */
export interface Filled {
  readonly ports: Context.Context<Ports>
  /**
   * Fails unless exactly so many runs have left the queue (or, for `dispatched`, entered it), each with one decision, in the
   * state its facts demand, with the audit records of its path and a notice if it is completed.
   */
  readonly check: (stage: Stage, runs: number) => Effect.Effect<void, unknown>
}

export interface Content {
  readonly queued: number
  /** Whether the store has decided from the same facts before; `new` unless given. */
  readonly snapshots?: "new" | "known"
}

export interface Store {
  readonly name: string
  /** How many admissions can be under way at once. */
  readonly lanes: number
  readonly workspaces: number
  /** Empties the store, fills it, and lets it settle down. */
  readonly filled: (content: Content) => Effect.Effect<Filled, unknown, Scope.Scope>
}

/** A drain did not do what it should have: what was measured means nothing. */
export class NotRight extends Data.TaggedError("NotRight")<{ readonly message: string }> {}
