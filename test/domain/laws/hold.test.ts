/** The laws of holding (contract, sections 3 and 8): a run that is denied for a reason that may pass waits, but not for ever. */
import {
  admissionStep,
  askAgainAtMillis,
  block,
  type Circumstances,
  DenialClass,
  decide,
  explain,
  type HoldPolicy,
  hold,
  NOTHING_KNOWN,
  noticeOf,
  type Queued,
  type Run,
  retryableOf,
  type Snapshot,
  type Step,
  start,
  transition
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import fc from "fast-check"
import { always } from "../support/cases.ts"
import { effort } from "../support/effort.ts"
import { connection, decisionId, NOW_MILLIS, snapshotWith } from "../support/fixtures.ts"
import {
  denialFor,
  heldRun,
  moved,
  passingDenialFor,
  permitFor,
  queuedRun,
  RETRY_MILLIS,
  reportsOf,
  runningRun
} from "../support/runs.ts"

const policy: HoldPolicy = { retryMillis: RETRY_MILLIS, deadlineMillis: 100_000 }
const circumstances: Circumstances = { decisionId: decisionId(7), epoch: 3, sources: {} }
const disabled = { connection: { ...connection, enabled: false } }

const admitted = (queued: Queued, snapshot: Snapshot, with_: HoldPolicy | null = policy): Step =>
  Result.getOrThrow(admissionStep(queued, snapshot, circumstances, with_))

const asHeld = (run: Run): Queued & { readonly held: NonNullable<Queued["held"]> } => {
  if (run._tag !== "Queued" || run.held === null) assert.fail(`it should be held, is ${run._tag}`)
  return { ...run, held: run.held }
}

const denialClassIn = (snapshot: Snapshot): DenialClass => {
  const decision = decide(snapshot)
  return decision._tag === "Denied" ? decision.denialClass : assert.fail("it is allowed")
}

const reasonOf = (moved: Result.Result<unknown, { readonly reason: string }>): string =>
  Result.isFailure(moved) ? moved.failure.reason : "accepted"

describe("laws of holding", { timeout: 300_000 }, () => {
  it("only_retryable_denials_hold", () => {
    always((snapshot) => {
      const queued = queuedRun({ subject: snapshot.subject })
      const decision = decide(snapshot)
      const { after } = admitted(queued, snapshot)
      const isHeld = after._tag === "Queued" && after.held !== null
      const isHopeless = explain(snapshot).remedy._tag === "DispatchAgain"
      assert.strictEqual(isHeld, decision._tag === "Denied" && decision.retryable && !isHopeless)
      if (decision._tag === "Denied" && isHopeless) assert.strictEqual(after._tag, "Blocked")
      if (decision._tag === "Denied" && !decision.retryable) assert.strictEqual(after._tag, "Blocked")
      if (decision._tag === "Allowed") assert.strictEqual(after._tag, "Running")
      // Without a policy nothing is ever held.
      assert.strictEqual(
        admitted(queued, snapshot, null).after._tag,
        decision._tag === "Allowed" ? "Running" : "Blocked"
      )
    })
    // The machine itself refuses it, whoever asks, also for a run that is held already.
    for (const queued of [queuedRun(), heldRun()]) {
      assert.strictEqual(reasonOf(hold(queued, denialFor(queued), NOW_MILLIS)), "not_retryable")
      const event = { _tag: "Hold", denial: denialFor(queued), retryAtMillis: NOW_MILLIS } as const
      assert.strictEqual(reasonOf(transition(queued, event)), "not_retryable")
    }
    assert.deepStrictEqual(
      DenialClass.literals.filter((denialClass) => retryableOf[denialClass]),
      ["tenant_not_operable", "prerequisite_invalid"]
    )
  })

  it("holding_spends_no_attempt", () => {
    const retried = moved(runningRun(), reportsOf(1).FailAttempt)
    if (retried._tag !== "Queued") assert.fail()
    for (const before of [queuedRun(), retried]) {
      let run: Queued = before
      for (let times = 1; times <= 50; times += 1) {
        const atMillis = NOW_MILLIS + times
        run = asHeld(
          moved(run, { _tag: "Hold", denial: passingDenialFor(run, atMillis), retryAtMillis: atMillis + RETRY_MILLIS })
        )
        // All that changes is the admission that comes next, when it comes, and the reason.
        assert.deepStrictEqual(run, {
          ...before,
          admission: before.admission + times,
          availableAtMillis: atMillis + RETRY_MILLIS,
          held: {
            failure: { code: "provider_connection_invalid", detail: "connection_disabled", about: null },
            sinceMillis: NOW_MILLIS + 1
          }
        })
      }
    }
  })

  it("a_hold_ends_at_its_deadline: blocked at or after it, and never before", () => {
    const gaps = fc.array(fc.integer({ min: -5_000, max: 60_000 }), { minLength: 1, maxLength: 30 })
    const policies = fc.record({
      retryMillis: fc.integer({ min: 1, max: 100_000 }),
      deadlineMillis: fc.integer({ min: 1, max: 200_000 })
    })
    fc.assert(
      fc.property(policies, gaps, (given, asked) => {
        let run: Queued = queuedRun()
        let nowMillis = NOW_MILLIS
        for (const gap of asked) {
          const { after } = admitted(run, snapshotWith(disabled, { takenAtMillis: nowMillis }), given)
          const deadlineMillis = NOW_MILLIS + given.deadlineMillis
          assert.strictEqual(after._tag, nowMillis >= deadlineMillis ? "Blocked" : "Queued")
          if (after._tag !== "Queued") return
          assert.strictEqual(asHeld(after).held.sinceMillis, NOW_MILLIS, "it counts from the first, whatever happens")
          assert.isAtMost(after.availableAtMillis, deadlineMillis, "it is asked about when its time is up")
          assert.isAtMost(after.availableAtMillis, nowMillis + given.retryMillis)
          assert.isAbove(after.availableAtMillis, nowMillis)
          run = after
          nowMillis += gap
        }
      }),
      { numRuns: effort.runs(1_000) }
    )
  })

  it("a run that is asked about only when it is due is blocked exactly at its deadline", () => {
    let run: Queued = queuedRun()
    const asked: Array<number> = []
    for (let nowMillis = NOW_MILLIS; ; nowMillis = run.availableAtMillis) {
      asked.push(nowMillis - NOW_MILLIS)
      const { after } = admitted(run, snapshotWith(disabled, { takenAtMillis: nowMillis }))
      if (after._tag === "Blocked") {
        assert.strictEqual(after.completedAtMillis, NOW_MILLIS + policy.deadlineMillis)
        break
      }
      run = asHeld(after)
    }
    assert.deepStrictEqual(asked, [0, 30_000, 60_000, 90_000, 100_000])
  })

  it("another reason that may pass goes on with the same hold, one that cannot pass ends it at once", () => {
    const held = asHeld(heldRun())
    const archived = snapshotWith(
      {
        tenant: {
          id: held.dispatch.subject.scope.tenantId ?? assert.fail(),
          workspaceId: held.dispatch.subject.scope.workspaceId,
          state: "archived"
        }
      },
      { takenAtMillis: NOW_MILLIS + 10 }
    )
    const still = asHeld(admitted(held, archived).after)
    assert.strictEqual(still.held.failure.code, "tenant_not_operable")
    assert.strictEqual(still.held.sinceMillis, NOW_MILLIS)
    const gone = admitted(still, snapshotWith(NOTHING_KNOWN, { takenAtMillis: NOW_MILLIS + 20 }))
    assert.strictEqual(gone.after._tag, "Blocked")
  })

  it("a_held_run_starts_only_with_a_new_permit", () => {
    const queued = queuedRun()
    const early = { permit: permitFor(queued), denial: denialFor(queued), passing: passingDenialFor(queued) }
    const held = moved(queued, { _tag: "Hold", denial: early.passing, retryAtMillis: NOW_MILLIS + RETRY_MILLIS })
    if (held._tag !== "Queued") assert.fail()
    // What was decided for the admission that held it is stale, whatever it says.
    assert.strictEqual(reasonOf(start(held, early.permit)), "stale_admission")
    assert.strictEqual(reasonOf(block(held, early.denial)), "stale_admission")
    assert.strictEqual(reasonOf(block(held, early.passing)), "stale_admission")
    assert.strictEqual(reasonOf(hold(held, early.passing, NOW_MILLIS)), "stale_admission")
    // A new one starts it, and then the hold is over: a later one counts anew.
    const started = Result.getOrThrow(start(held, permitFor(held, NOW_MILLIS + 5)))
    assert.deepInclude(started, { admission: 2, attempt: 1, startedAtMillis: NOW_MILLIS + 5 })
    assert.notProperty(started, "held")
    const again = moved(started, reportsOf(2).Release)
    if (again._tag !== "Queued") assert.fail()
    assert.isNull(again.held)
    const later = admitted(again, snapshotWith(disabled, { takenAtMillis: NOW_MILLIS + 5 * policy.deadlineMillis }))
    assert.strictEqual(asHeld(later.after).held.sinceMillis, NOW_MILLIS + 5 * policy.deadlineMillis)
  })

  it("a held run can be cancelled, and given up when it has waited too long", () => {
    const atMillis = NOW_MILLIS + 1
    const cancelled = moved(heldRun(), { _tag: "Cancel", by: { kind: "system", id: null }, atMillis })
    assert.deepInclude(cancelled, { _tag: "Cancelled", attempt: 1, admission: 2, startedAtMillis: null })
    const expired = moved(heldRun(), { _tag: "Expire", atMillis })
    assert.strictEqual(expired._tag === "Failed" && expired.failure.code, "run.stale_queued")
  })

  it("a hold is recorded with its decision and its reason, and nobody is told yet", () => {
    const queued = queuedRun()
    const { before, after, decision, audit, notice } = admitted(queued, snapshotWith(disabled))
    assert.strictEqual(before, queued)
    assert.isNull(notice)
    assert.deepInclude(decision, { runId: queued.dispatch.id, attempt: 1, admission: 1, epoch: 3 })
    assert.deepStrictEqual(
      audit.map(({ action, outcome, code, admission, attempt }) => [action, outcome, code, admission, attempt]),
      [
        ["run.decided", "blocked", "provider_connection_invalid", 1, 1],
        ["run.held", "info", "provider_connection_invalid", 1, 1]
      ]
    )
    assert.isTrue(audit.every((record) => record.decisionId === circumstances.decisionId))
    // Once it is blocked the initiator is told, once.
    const late = snapshotWith(disabled, { takenAtMillis: NOW_MILLIS + policy.deadlineMillis })
    const end = admitted(asHeld(after), late)
    assert.strictEqual(end.audit.at(-1)?.action, "run.blocked")
    assert.deepStrictEqual(end.notice, end.after._tag === "Blocked" ? noticeOf(end.after) : assert.fail())
  })

  it("a run that lacks what it must name is blocked at once, also behind a reason that may pass", () => {
    const { subject, ...rest } = snapshotWith({})
    const nameless = { ...subject, scope: { ...subject.scope, providerConnectionId: null } }
    const tenant = rest.facts.tenant && { ...rest.facts.tenant, state: "onboarding" }
    for (const facts of [rest.facts, { ...rest.facts, tenant }]) {
      const snapshot: Snapshot = { ...rest, facts, subject: nameless }
      assert.isTrue(retryableOf[denialClassIn(snapshot)])
      assert.strictEqual(admitted(queuedRun({ subject: nameless }), snapshot).after._tag, "Blocked")
    }
  })

  it("a clock that goes back prolongs no hold", () => {
    const holding = { policy, sinceMillis: NOW_MILLIS }
    const at = (takenAtMillis: number) => {
      const snapshot = snapshotWith(disabled, { takenAtMillis })
      const decision = decide(snapshot)
      return decision._tag === "Allowed" ? assert.fail() : askAgainAtMillis({ decision, snapshot }, holding)
    }
    assert.strictEqual(at(NOW_MILLIS - 1), NOW_MILLIS - 1 + RETRY_MILLIS)
    assert.strictEqual(at(NOW_MILLIS + 99_999), NOW_MILLIS + 100_000)
    assert.isNull(at(NOW_MILLIS + 100_000))
  })
})
