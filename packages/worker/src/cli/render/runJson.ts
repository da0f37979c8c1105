/** Runs for machines: one JSON object each, in the contract's words. */
import {
  type AuditRecord,
  blockedContextOf,
  blockedSummaryOf,
  CheckKey,
  type Checks,
  Counts,
  type DecisionRecord,
  headlineOf,
  initiatorOf,
  isCompleted,
  modeOf,
  nextStepsFor,
  onTheWire,
  type Pause,
  type Run,
  type RunFailure,
  Snapshot,
  type WaitingFor,
  waitingForOnTheWire,
  wireStateOf
} from "@countersign/domain"
import { Schema } from "effect"
import type { Wellbeing } from "../../Watching.ts"
import { iso } from "./words.ts"

type JsonObject = Readonly<Record<string, Schema.Json>>

const instant = (millis: number | null): string | null => (millis === null ? null : iso(millis))

/** What everybody asks first: which run, how it ended, why. `decisions` are those made about it, oldest first. */
export const verdictAsJson = (run: Run, decisions: ReadonlyArray<DecisionRecord>): JsonObject => {
  const last = decisions.at(-1)
  return {
    id: run.dispatch.id,
    type: run.dispatch.subject.operationType,
    ...wireStateOf[run._tag],
    reason_code: run._tag === "Blocked" ? run.failure.code : null,
    denial_class: run._tag === "Blocked" ? run.legitimacy.denial_class : null,
    checks: inOrder(run._tag === "Blocked" ? run.legitimacy.checks : last?.decision.checks)
  }
}

/** In the contract's order, whatever order a database gives the keys. */
const inOrder = (checks: Checks | undefined): JsonObject | null =>
  checks === undefined ? null : Object.fromEntries(CheckKey.literals.map((key) => [key, checks[key]]))

/** A run with all that its record holds, but its payload. */
export const runAsJson = (run: Run, decisions: ReadonlyArray<DecisionRecord> = []): JsonObject => {
  const { subject, slot, initiatorName, maxAttempts, dispatchedAtMillis } = run.dispatch
  return {
    ...verdictAsJson(run, decisions),
    headline: headlineOf(run),
    next_steps: nextStepsFor(run),
    authority_mode: modeOf(subject.authority),
    initiator: initiatorOf(subject.authority),
    initiator_name: initiatorName,
    schedule_id: slot?.scheduleId ?? null,
    slot_at: instant(slot?.slotMillis ?? null),
    workspace_id: subject.scope.workspaceId,
    tenant_id: subject.scope.tenantId,
    provider_connection_id: subject.scope.providerConnectionId,
    priority: run.dispatch.priority,
    attempt: run.attempt,
    max_attempts: maxAttempts,
    admission: run.admission,
    counts: encodeCounts(run.counts),
    dispatched_at: iso(dispatchedAtMillis),
    available_at: run._tag === "Queued" ? iso(run.availableAtMillis) : null,
    started_at: instant(run.startedAtMillis),
    completed_at: isCompleted(run) ? iso(run.completedAtMillis) : null,
    failure_summary: failuresOf(run),
    context: run._tag === "Blocked" ? { ...blockedContextOf(run) } : null
  }
}

/** How a run gets on, in the contract's words. */
export const wellbeingAsJson = ({ freshness, problemClass }: Wellbeing): JsonObject => ({
  freshness,
  problem_class: problemClass
})

/** What a queued run waits for; nulls of one that does not. */
export const waitingAsJson = (waiting: WaitingFor | null): JsonObject => ({
  waiting_for: waiting === null ? null : waitingForOnTheWire(waiting),
  pause: waiting?._tag === "Resume" ? pauseAsJson(waiting.pause) : null
})

/** A pause that is or was in force. */
export const pauseAsJson = ({ scope, by, reason, sinceMillis }: Pause): JsonObject => ({
  operation_type: scope.operationType,
  workspace_id: scope.workspaceId,
  since: iso(sinceMillis),
  by,
  reason
})

const encodeCounts = Schema.encodeSync(Counts)
const encodeSnapshot = Schema.encodeSync(Schema.toCodecJson(Snapshot))

const failuresOf = (run: Run): Schema.Json => {
  switch (run._tag) {
    case "Blocked":
      return blockedSummaryOf(run).map(failureAsJson)
    case "Failed":
      return [failureAsJson(run.failure)]
    case "PartiallySucceeded":
      return run.failures.map(failureAsJson)
    default:
      return null
  }
}

const failureAsJson = ({ code, message }: RunFailure): JsonObject => ({ code, message })

/** A stored decision with the snapshot it was made from. */
export const decisionAsJson = (record: DecisionRecord): JsonObject => ({
  id: record.id,
  decided_at: iso(record.decidedAtMillis),
  attempt: record.attempt,
  admission: record.admission,
  epoch: record.epoch,
  execution_legitimacy: { ...onTheWire(record.snapshot.subject, record.decision) },
  detail_code: record.decision._tag === "Denied" ? record.decision.failure.detail : null,
  sources: { ...record.sources },
  snapshot: encodeSnapshot(record.snapshot)
})

/** An audit record. */
export const auditAsJson = (record: AuditRecord): JsonObject => ({
  occurred_at: iso(record.occurredAtMillis),
  action: record.action,
  outcome: record.outcome,
  actor_kind: record.actorKind,
  actor_id: record.actorId,
  actor_name: record.actorName,
  attempt: record.attempt,
  admission: record.admission,
  decision_id: record.decisionId,
  code: record.code
})
