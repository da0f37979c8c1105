/**
 * A decision as it is stored: the value, what it was made from, and when. Enough to make it again and compare.
 *
 * Contract section 5, second part.
 */
import { Schema } from "effect"
import { Decision } from "./Decision.ts"
import { DecisionId, RunId } from "./Ids.ts"
import { Snapshot } from "./Snapshot.ts"

/** Which source each fact came from, such as `{ tenant: "countersign.tenants" }`. */
export const FactSources = Schema.Record(Schema.String, Schema.String)
export type FactSources = typeof FactSources.Type

/** A stored decision: deciding again from its snapshot gives its decision. */
export const DecisionRecord = Schema.Struct({
  id: DecisionId,
  runId: RunId,
  attempt: Schema.Int,
  admission: Schema.Int,
  decidedAtMillis: Schema.Int,
  /** The workspace's authority epoch the facts were read under; null when they came from outside its fence. */
  epoch: Schema.NullOr(Schema.Int),
  sources: FactSources,
  decision: Decision,
  snapshot: Snapshot
})
export type DecisionRecord = typeof DecisionRecord.Type
