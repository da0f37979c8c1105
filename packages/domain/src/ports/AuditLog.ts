/** Port: reading the audit record and the stored decisions. Writing is part of every step. */
import { Context, type Effect } from "effect"
import type { AuditRecord } from "../Audit.ts"
import type { DecisionRecord } from "../DecisionRecord.ts"
import type { RunId } from "../Ids.ts"
import type { StoreUnavailable } from "./StoreError.ts"

/** What was recorded, for readers. */
export class AuditLog extends Context.Service<
  AuditLog,
  {
    /** Everything recorded about a run, oldest first. */
    readonly recordsOf: (id: RunId) => Effect.Effect<ReadonlyArray<AuditRecord>, StoreUnavailable>
    /** Every decision made about a run, oldest first, with the snapshot it was made from. */
    readonly decisionsOf: (id: RunId) => Effect.Effect<ReadonlyArray<DecisionRecord>, StoreUnavailable>
  }
>()("@countersign/domain/AuditLog") {}
