/** A decision as a row of `decisions`, with the content of its snapshot. */
import { type Decision, DecisionRecord, DecisionUnreadable } from "@countersign/domain"
import { Data, Effect, Result, Schema } from "effect"
import { CompactFacts, expandedOf } from "./CompactFacts.ts"
import { isGenuine, SnapshotContent, SnapshotTerms } from "./StoredSnapshot.ts"

/** The columns of a decision, as the driver gives them. */
export interface DecisionRow {
  readonly id: string
  readonly run_id: string
  readonly attempt: number
  readonly admission: number
  readonly decided_at: Date
  readonly epoch: bigint | null
  readonly allowed: boolean
  readonly reason_code: string | null
  readonly denial_class: string | null
  readonly retryable: boolean
  readonly detail_code: string | null
  readonly detail_about: string | null
  readonly workspace_scope: string
  readonly tenant_scope: string
  readonly capability: string
  readonly tenant_operability: string
  readonly execution_prerequisites: string
  readonly snapshot_hash: Uint8Array
  /** Null of a decision whose snapshot was stored in one part. */
  readonly facts: string | null
  readonly facts_hash: Uint8Array | null
  /** As it was stored, to the letter; null when there is no such snapshot. */
  readonly content: string | null
}

/** What a query selects beside the columns of `decisions d`, for snapshots `s`. */
export const CONTENT = "s.content::text AS content"

const decisionOf = (row: DecisionRow) => {
  const checks = {
    workspace_scope: row.workspace_scope,
    tenant_scope: row.tenant_scope,
    capability: row.capability,
    tenant_operability: row.tenant_operability,
    execution_prerequisites: row.execution_prerequisites
  }
  const tag: Decision["_tag"] = row.allowed ? "Allowed" : "Denied"
  if (row.allowed) return { _tag: tag, checks }
  const failure = { code: row.reason_code, detail: row.detail_code, about: row.detail_about }
  return { _tag: tag, failure, denialClass: row.denial_class, retryable: row.retryable, checks }
}

const decodeContent = Schema.decodeUnknownEffect(Schema.fromJsonString(SnapshotContent))
const decodeTerms = Schema.decodeUnknownEffect(Schema.fromJsonString(SnapshotTerms))
const decodeFacts = Schema.decodeUnknownEffect(Schema.fromJsonString(CompactFacts))

/** What the decision was made from, of whichever form. */
const readContent = ({ content, facts }: DecisionRow) =>
  facts === null
    ? decodeContent(content)
    : Effect.gen(function* () {
        const terms = yield* decodeTerms(content)
        const compact = yield* decodeFacts(facts)
        return yield* Effect.try({
          try: () => ({ ...terms, ...expandedOf(compact, terms.requirements) }),
          catch: (cause) => new FactsUnreadable({ message: String(cause) })
        })
      })

/** Facts that cannot be about their run. */
class FactsUnreadable extends Data.TaggedError("FactsUnreadable")<{ readonly message: string }> {}

const decodeDecision = Schema.decodeUnknownEffect(DecisionRecord)

/** Reads a row; fails on one that was altered into nonsense. */
export const readDecisionRow = (row: DecisionRow) =>
  Effect.flatMap(readContent(row), ({ sources, ...known }) =>
    decodeDecision({
      id: row.id,
      runId: row.run_id,
      attempt: row.attempt,
      admission: row.admission,
      decidedAtMillis: row.decided_at.getTime(),
      epoch: row.epoch === null ? null : Number(row.epoch),
      sources,
      decision: decisionOf(row),
      snapshot: { takenAtMillis: row.decided_at.getTime(), ...known }
    })
  )

/** Reads a row and compares its snapshot with the hashes it was stored under. */
export const checkDecisionRow = (
  row: DecisionRow
): Effect.Effect<Result.Result<DecisionRecord, DecisionUnreadable>> => {
  const unreadable = (problem: string) => new DecisionUnreadable({ decisionId: row.id, runId: row.run_id, problem })
  if (row.content === null) return Effect.succeed(Result.fail(unreadable("its snapshot is missing")))
  const { facts, facts_hash } = row
  const isWhole = facts === null ? facts_hash === null : facts_hash !== null && isGenuine(facts, facts_hash)
  if (!isWhole || !isGenuine(row.content, row.snapshot_hash)) {
    return Effect.succeed(Result.fail(unreadable("its snapshot is not the one that was stored")))
  }
  return Effect.result(
    Effect.mapError(readDecisionRow(row), ({ message }) => unreadable(message.split("\n").join(" ")))
  )
}
