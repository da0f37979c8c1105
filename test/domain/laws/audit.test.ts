/** Law `every_decision_is_audited`, and what else is written with a step (contract, section 10). */
import {
  type AuditAction,
  type AuditOutcome,
  type AuditRecord,
  admissionStep,
  type Circumstances,
  decide,
  dispatchStep,
  failDispatchStep,
  isCompleted,
  NOTHING_KNOWN,
  noticeOf,
  type RunEvent,
  recheckStep,
  type Step,
  step,
  systemAuthority,
  transition
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { always } from "../support/cases.ts"
import { decisionId, dispatched, NOW_MILLIS, snapshotWith, subject } from "../support/fixtures.ts"
import { queuedRun, reportsOf, runIn, runningRun } from "../support/runs.ts"

const circumstances: Circumstances = { decisionId: decisionId(7), epoch: 3, sources: { tenant: "tenants" } }
const systemSubject = { ...subject, authority: systemAuthority }

const taken = (result: Result.Result<Step, Error>): Step => {
  if (Result.isFailure(result)) assert.fail(result.failure.message)
  return result.success
}

describe("laws of the audit record", { timeout: 300_000 }, () => {
  it("every_decision_is_audited", () => {
    always((snapshot) => {
      const queued = queuedRun({ subject: snapshot.subject })
      const running = runningRun({ subject: { ...subject } })
      const decision = decide(snapshot)
      const admitted = taken(admissionStep(queued, snapshot, circumstances))
      const rechecked = taken(
        recheckStep({ ...running, dispatch: queued.dispatch }, snapshot, { deleted: 7 }, circumstances)
      )
      for (const { decision: record, audit, after } of [admitted, rechecked]) {
        assert.deepStrictEqual(record, {
          id: circumstances.decisionId,
          runId: queued.dispatch.id,
          attempt: 1,
          admission: 1,
          decidedAtMillis: snapshot.takenAtMillis,
          epoch: 3,
          sources: { tenant: "tenants" },
          decision,
          snapshot
        })
        const decided = audit.filter(({ action }) => action === "run.decided")
        assert.strictEqual(decided.length, 1, "one record for one decision")
        assert.strictEqual(audit[0], decided[0], "and it comes before what follows from it")
        assert.strictEqual(decided[0]?.decisionId, circumstances.decisionId)
        assert.strictEqual(decided[0]?.outcome, decision._tag === "Allowed" ? "info" : "blocked")
        assert.strictEqual(decided[0]?.code, decision._tag === "Allowed" ? null : decision.failure.code)
        assert.isTrue(audit.every((entry) => entry.decisionId === circumstances.decisionId))
        assert.strictEqual(after._tag === "Blocked", decision._tag === "Denied")
      }
      assert.deepStrictEqual(
        admitted.audit.map(({ action }) => action),
        ["run.decided", decision._tag === "Allowed" ? "run.started" : "run.blocked"]
      )
      assert.deepStrictEqual(
        rechecked.audit.map(({ action }) => action),
        decision._tag === "Allowed" ? ["run.decided"] : ["run.decided", "run.revoked"]
      )
      assert.strictEqual(admitted.after._tag, decision._tag === "Allowed" ? "Running" : "Blocked")
    })
  })

  it("a re-check that allows leaves the run as it is, one that denies keeps the counts", () => {
    const running = runningRun()
    const confirmed = taken(recheckStep(running, snapshotWith(), { deleted: 7 }, circumstances))
    assert.strictEqual(confirmed.before, running)
    assert.strictEqual(confirmed.after, running)
    assert.isNull(confirmed.notice)
    assert.deepStrictEqual(confirmed.events, [])
    const revoked = taken(recheckStep(running, snapshotWith(NOTHING_KNOWN), { deleted: 7 }, circumstances))
    assert.deepStrictEqual(revoked.after.counts, { deleted: 7 })
    assert.strictEqual(revoked.before, running)
    assert.strictEqual(revoked.notice?.outcome, "blocked")
  })

  it("a run that has moved on is not admitted", () => {
    const completed = runIn("Cancelled")
    for (const event of Object.values(reportsOf(1))) {
      const refused = step(completed, event)
      assert.isTrue(Result.isFailure(refused))
    }
    const late = step(runningRun(), reportsOf(0).Succeed)
    assert.strictEqual(Result.isFailure(late) && late.failure.reason, "stale_admission")
  })

  const by = { kind: "integration", id: "console" } as const
  const at = NOW_MILLIS + 1000
  const expectations: ReadonlyArray<
    readonly [
      event: Exclude<RunEvent, { readonly _tag: "Start" | "Block" | "Hold" | "Revoke" }>,
      action: AuditAction,
      outcome: AuditOutcome,
      code: string | null
    ]
  > = [
    [reportsOf(1).Succeed, "run.succeeded", "success", null],
    [reportsOf(1).PartiallySucceed, "run.partially_succeeded", "partial", null],
    [reportsOf(1).Fail, "run.failed", "failed", "provider.timeout"],
    [reportsOf(1).FailAttempt, "run.attempt_failed", "failed", "provider.timeout"],
    [reportsOf(1).Release, "run.released", "info", null],
    [reportsOf(1).LoseLease, "run.lease_lost", "failed", null],
    [{ _tag: "Cancel", by, atMillis: at }, "run.cancelled", "info", null]
  ]
  type Actor = Pick<AuditRecord, "actorKind" | "actorId" | "actorName">
  const nobody: Actor = { actorKind: "system", actorId: null, actorName: null }
  /** Who is named where it is not the initiator. */
  const actors: Readonly<Record<string, Actor>> = {
    Cancel: { actorKind: "integration", actorId: "console", actorName: null },
    Release: nobody,
    LoseLease: nobody
  }
  for (const [event, action, outcome, code] of expectations) {
    it(`${event._tag} is recorded as ${action}`, () => {
      const running = runningRun()
      const { audit, before, after, decision, notice } = taken(step(running, event))
      assert.strictEqual(before, running)
      assert.deepStrictEqual(Result.getOrThrow(transition(running, event)), after)
      assert.isNull(decision)
      const actor: Actor = actors[event._tag] ?? { actorKind: "human", actorId: "initiator", actorName: "Ada" }
      assert.deepStrictEqual(audit, [
        {
          runId: running.dispatch.id,
          workspaceId: subject.scope.workspaceId,
          tenantId: subject.scope.tenantId,
          operationType: subject.operationType,
          attempt: 1,
          admission: 1,
          ...actor,
          occurredAtMillis: at,
          action,
          outcome,
          decisionId: null,
          code
        }
      ])
      // Exactly one notice, when it completes, and none before.
      assert.deepStrictEqual(notice, isCompleted(after) ? noticeOf(after) : null)
      assert.strictEqual(notice !== null, isCompleted(after))
    })
  }

  it("what expires is recorded with its code", () => {
    const { audit, notice } = taken(step(queuedRun(), { _tag: "Expire", atMillis: at }))
    const [record, ...more] = audit
    assert.strictEqual(more.length, 0)
    assert.deepStrictEqual(
      { action: record?.action, outcome: record?.outcome, code: record?.code },
      { action: "run.expired", outcome: "failed", code: "run.stale_queued" }
    )
    assert.deepStrictEqual([record?.actorKind, record?.actorId, record?.actorName], ["system", null, null])
    assert.strictEqual(notice?.outcome, "failed")
  })

  it("a dispatch is recorded, and one that fails is announced", () => {
    const waiting = dispatchStep(dispatched(), NOW_MILLIS + 5)
    assert.strictEqual(waiting.run._tag === "Queued" && waiting.run.availableAtMillis, NOW_MILLIS + 5)
    assert.isNull(waiting.notice)
    assert.deepStrictEqual(waiting.events, [])
    const { occurredAtMillis, action, outcome, code, decisionId: none } = waiting.audit
    assert.deepStrictEqual(
      [occurredAtMillis, action, outcome, code, none],
      [dispatched().dispatchedAtMillis, "run.dispatched", "info", null, null]
    )
    const failed = failDispatchStep(dispatched(), "The queue is away.")
    assert.strictEqual(failed.run._tag, "Failed")
    assert.strictEqual(failed.audit.occurredAtMillis, dispatched().dispatchedAtMillis)
    assert.strictEqual(failed.audit.action, "run.dispatch_failed")
    assert.strictEqual(failed.audit.outcome, "failed")
    assert.strictEqual(failed.audit.code, "queue.dispatch_failed")
    assert.strictEqual(failed.notice?.message, "The queue is away.")
    assert.deepStrictEqual(
      failed.events.map(({ type }) => type),
      ["run.failed"]
    )
  })

  it("nobody is told of a system run, blocked included, and its record names no person", () => {
    const queued = queuedRun({ subject: systemSubject, actorKind: "scheduled", initiatorName: null })
    const snapshot = { ...snapshotWith(), subject: systemSubject }
    const { after, notice, audit } = taken(admissionStep(queued, snapshot, circumstances))
    assert.strictEqual(after._tag, "Blocked")
    assert.isNull(notice)
    for (const { actorKind, actorId, actorName } of audit) {
      assert.deepStrictEqual([actorKind, actorId, actorName], ["scheduled", null, null])
    }
    assert.isNull(failDispatchStep(queued.dispatch, "The queue is away.").notice)
  })
})
