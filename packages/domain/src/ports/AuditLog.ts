/** Port: reading the audit record and the stored decisions. Writing is part of every step. */
import { Context, type Effect, type Result, Schema } from "effect"
import type { AuditAction, AuditOutcome, AuditRecord } from "../Audit.ts"
import type { DecisionRecord } from "../DecisionRecord.ts"
import type { RunId, WorkspaceId } from "../Ids.ts"
import type { StoreUnavailable } from "./StoreError.ts"

/** A record's number, in the order of writing; a store never gives one twice. */
export type AuditPosition = number

/** Which records, and in which order; every condition is optional and they are joined by *and*. */
export interface AuditFilter {
  readonly workspaceId?: WorkspaceId
  readonly runId?: RunId
  readonly action?: AuditAction
  readonly outcome?: AuditOutcome
  /** What occurred at that instant or later. */
  readonly fromMillis?: number
  /** What occurred before that instant. */
  readonly beforeMillis?: number
  readonly order: "oldest_first" | "newest_first"
  /** Only records that come after this one in that order: where the page before ended. */
  readonly after?: AuditPosition
  /** At most this many, 1 to 1000. */
  readonly limit: number
}

/** A record with its number. */
export interface NumberedRecord {
  readonly position: AuditPosition
  readonly record: AuditRecord
}

/** A page of the audit record. */
export interface AuditPage {
  readonly records: ReadonlyArray<NumberedRecord>
  readonly unreadable: ReadonlyArray<RecordUnreadable>
  /**
   * Where the next page begins, or null when there is none. A page can be empty and have a next one: a store looks through so
   * much at a time, however little fits.
   */
  readonly next: AuditPosition | null
}

/** A record that makes no sense: it was altered past what guards it. */
export class RecordUnreadable extends Schema.TaggedError<RecordUnreadable>()("RecordUnreadable", {
  position: Schema.Int,
  problem: Schema.String
}) {
  override get message() {
    return `audit record ${this.position} cannot be read: ${this.problem}`
  }
}

/** A stored decision that cannot be made again, or whose snapshot is not the one it was made from. */
export class DecisionUnreadable extends Schema.TaggedError<DecisionUnreadable>()("DecisionUnreadable", {
  decisionId: Schema.String,
  runId: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `decision ${this.decisionId} of run ${this.runId} cannot be made again: ${this.problem}`
  }
}

/** Which decision a page ended with. */
export interface DecisionPosition {
  readonly runId: string
  readonly decisionId: string
}

/** A page of the stored decisions, by run and id. */
export interface DecisionPage {
  readonly decisions: ReadonlyArray<Result.Result<DecisionRecord, DecisionUnreadable>>
  readonly next: DecisionPosition | null
}

/** What was recorded, for readers. */
export class AuditLog extends Context.Service<
  AuditLog,
  {
    /** Everything recorded about a run, oldest first. */
    readonly recordsOf: (id: RunId) => Effect.Effect<ReadonlyArray<AuditRecord>, StoreUnavailable>
    /** Every decision made about a run, oldest first, with the snapshot it was made from. */
    readonly decisionsOf: (id: RunId) => Effect.Effect<ReadonlyArray<DecisionRecord>, StoreUnavailable>
    /**
     * Records in the order of their writing. The pages of one filter, each after the one before, hold every record that was
     * committed when the first of them was read, once.
     *
     * **Gotchas**
     *
     * Numbers are given when records are written, not when they are committed: a transaction that is open for long may commit a
     * record behind the page that would have held it.
     */
    readonly page: (filter: AuditFilter) => Effect.Effect<AuditPage, StoreUnavailable>
    /**
     * Every stored decision, at most `limit` (1 to 1000) at a time, with its snapshot, whose content is compared with the hash it
     * was stored under.
     */
    readonly decisionsAfter: (
      after: DecisionPosition | null,
      limit: number
    ) => Effect.Effect<DecisionPage, StoreUnavailable>
  }
>()("@countersign/domain/AuditLog") {}
