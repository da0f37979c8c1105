/** Runs in words, what a blocked run stores, and what its initiator is told (contract, sections 6, 9 and 10). */
import {
  authorize,
  BLOCKED_BY,
  BlockedContext,
  blockedContextOf,
  blockedSummaryOf,
  ChangeKind,
  DetailCode,
  decide,
  describeChange,
  type Failure,
  headlineOf,
  heldBadge,
  isCompleted,
  Notice,
  nextStepsFor,
  nextStepsWhileHeld,
  noticeOf,
  onTheWire,
  outcomeBadgeOf,
  outcomeBadges,
  ReasonCode,
  RUN_STATES,
  reasonInWords,
  statusBadgeOf,
  statusBadges,
  systemAuthority
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { requirements, runId, snapshotWith, subject, tenantId, userId, workspaceId } from "./support/fixtures.ts"
import { denialFor, heldRun, moved, queuedRun, reportsOf, runIn, runningRun } from "./support/runs.ts"

const blockedRun = () => {
  const queued = queuedRun()
  const run = moved(queued, { _tag: "Block", denial: denialFor(queued) })
  if (run._tag !== "Blocked") assert.fail("a denied run is blocked")
  return run
}

describe("reasons in words", () => {
  const everyFailure: ReadonlyArray<Failure> = DetailCode.literals.flatMap((detail) =>
    ["archived", "draft", "unrecognised", "maintenance window", null].map((about) => ({
      code: "missing_capability" as const,
      detail,
      about
    }))
  )

  it("every detail has a reason, one for its initiator, and a leading next step, in words", () => {
    const codes = [...DetailCode.literals, ...ReasonCode.literals].filter((code) => code.includes("_"))
    for (const failure of everyFailure) {
      const { reason, toInitiator, nextSteps } = reasonInWords(failure)
      assert.isAbove(nextSteps.length, 0)
      for (const text of nextSteps) assert.match(text, /^[A-Z].*\.$/s, failure.detail)
      assert.match(reason, /^[a-z].*[^.]$/s)
      assert.match(toInitiator, /^[A-Z].*[^.]$/s)
      for (const text of [reason, toInitiator, ...nextSteps]) {
        for (const code of codes) assert.notInclude(text, code, "a raw code is never the sentence")
        if (failure.detail === "tenant_state") assert.notInclude(text, "unrecognised")
        assert.notMatch(text, /undefined|null|NaN/)
      }
    }
  })

  it("different failures have different reasons", () => {
    const reasons = DetailCode.literals.map(
      (detail) => reasonInWords({ code: "missing_capability", detail, about: "archived" }).reason
    )
    assert.strictEqual(new Set(reasons).size, reasons.length)
  })

  it("say the state and the prerequisite they are about", () => {
    const state = reasonInWords({ code: "tenant_not_operable", detail: "tenant_state", about: "archived" })
    assert.strictEqual(state.reason, "the tenant is archived")
    assert.strictEqual(state.nextSteps[0], "Restore the tenant from the archive.")
    const other = reasonInWords({ code: "tenant_not_operable", detail: "tenant_state", about: "draft" })
    assert.strictEqual(other.nextSteps[0], "Bring the tenant into an operable state.")
    const open = reasonInWords({
      code: "execution_prerequisite_invalid",
      detail: "prerequisite_unknown",
      about: "quota"
    })
    assert.include(open.reason, "“quota”")
  })

  it("every change of facts is an instruction that names its subject", () => {
    const instructions = ChangeKind.literals.map((kind) => describeChange({ kind, subject: "acme" }))
    assert.strictEqual(new Set(instructions).size, instructions.length)
    for (const instruction of instructions) assert.include(instruction, "acme")
  })
})

describe("badges and headlines", () => {
  it("blocked and failed differ: one is a warning, the other a danger", () => {
    assert.deepStrictEqual(outcomeBadgeOf(runIn("Blocked")), { label: "Blocked", tone: "warning" })
    assert.deepStrictEqual(outcomeBadgeOf(runIn("Failed")), { label: "Failed", tone: "danger" })
    assert.match(headlineOf(runIn("Blocked")), /^Blocked — the workspace/)
    assert.strictEqual(headlineOf(runIn("Failed")), "Failed — The provider did not answer in time.")
  })

  it("every state has both badges and a headline of its own", () => {
    const headlines = RUN_STATES.map((state) => headlineOf(runIn(state)))
    assert.deepStrictEqual(headlines, [
      "Queued",
      "Running — attempt 1 of 3",
      "Succeeded",
      "Partially succeeded — The provider did not answer in time.",
      "Blocked — the workspace no longer exists",
      "Failed — The provider did not answer in time.",
      "Cancelled"
    ])
    assert.strictEqual(headlineOf(moved(runningRun(), reportsOf(1).FailAttempt)), "Queued — waiting for attempt 2")
    assert.deepStrictEqual(
      RUN_STATES.map((state) => `${statusBadgeOf(runIn(state)).label}/${outcomeBadgeOf(runIn(state)).label}`),
      [
        "Queued/Pending",
        "Running/Pending",
        "Completed/Succeeded",
        "Completed/Partially succeeded",
        "Completed/Blocked",
        "Completed/Failed",
        "Completed/Cancelled"
      ]
    )
    const tones = [...Object.values(statusBadges), ...Object.values(outcomeBadges)].map(({ tone }) => tone)
    assert.deepStrictEqual(tones.filter((tone) => tone === "danger").length, 1, "nothing but failed is a danger")
  })

  it("a held run says so, and why, and what to do so that it goes on", () => {
    const held = heldRun()
    assert.strictEqual(headlineOf(held), "Held — the provider connection is disabled")
    assert.deepStrictEqual(statusBadgeOf(held), heldBadge)
    assert.deepStrictEqual(heldBadge, { label: "Held", tone: "warning" })
    assert.deepStrictEqual(outcomeBadgeOf(held), { label: "Pending", tone: "neutral" })
    assert.deepStrictEqual(nextStepsFor(held), ["Enable the provider connection.", "The run then goes on by itself."])
    // Nobody is sent away to start again what waits for them.
    const passing = DetailCode.literals.map((detail) => ({ code: "write_gate_blocked" as const, detail, about: null }))
    for (const failure of passing) {
      const steps = nextStepsWhileHeld(failure)
      assert.strictEqual(steps.length, reasonInWords(failure).nextSteps.length)
      assert.notInclude(steps.join(), "Start the operation again once")
    }
  })

  it("there is a next step exactly when something is to be done", () => {
    const withSteps = RUN_STATES.filter((state) => nextStepsFor(runIn(state)).length > 0)
    assert.deepStrictEqual([...withSteps], ["PartiallySucceeded", "Blocked", "Failed"])
  })
})

describe("what a blocked run stores", () => {
  it("is the context of section 6", () => {
    const run = blockedRun()
    const context = blockedContextOf(run)
    assert.deepStrictEqual(context, {
      blocked_by: "queued_execution_legitimacy",
      reason_code: "workspace_mismatch",
      execution_legitimacy: run.legitimacy,
      next_steps: reasonInWords(run.failure).nextSteps,
      detail_code: "workspace_missing",
      detail_about: null
    })
    assert.strictEqual(BLOCKED_BY, "queued_execution_legitimacy")
    const wire = JSON.parse(JSON.stringify(context))
    assert.deepStrictEqual(Schema.decodeUnknownSync(BlockedContext)(wire), context)
    assert.throws(() => Schema.decodeUnknownSync(BlockedContext)({ ...wire, next_steps: [] }))
    assert.deepStrictEqual(blockedSummaryOf(run), [
      {
        code: "workspace_mismatch",
        message: "The workspace this run belongs to no longer exists, so the run was not carried out."
      }
    ])
  })

  it("of work that had begun it does not say that nothing was done, whether it ran just then or waited for another attempt", () => {
    const again = moved(runningRun(), reportsOf(1).FailAttempt)
    if (again._tag !== "Queued") assert.fail()
    for (const run of [runIn("Blocked"), moved(again, { _tag: "Block", denial: denialFor(again) })]) {
      if (run._tag !== "Blocked") assert.fail()
      const message =
        "The workspace this run belongs to no longer exists, so the run was stopped before its work was done."
      assert.strictEqual(blockedSummaryOf(run)[0].message, message)
      assert.strictEqual(noticeOf(run)?.message, message)
    }
  })

  it("of a run that writes and names no tenant it does not speak of a tenant's hardening check", () => {
    const target = { ...subject.scope, tenantId: null, providerConnectionId: null }
    const queued = queuedRun({ subject: { ...subject, scope: target } })
    const ruling = authorize(queued, {
      ...snapshotWith(),
      requirements: { ...requirements, providerConnection: false },
      subject: queued.dispatch.subject
    })
    if (Result.isSuccess(ruling)) assert.fail("only a tenant has a write gate")
    const run = moved(queued, { _tag: "Block", denial: ruling.failure })
    if (run._tag !== "Blocked") assert.fail()
    assert.strictEqual(run.failure.code, "write_gate_blocked")
    const steps = ["Start the operation again for a tenant: it writes, and only a tenant has a write gate."]
    assert.deepStrictEqual(nextStepsFor(run), steps)
    assert.deepStrictEqual([...blockedContextOf(run).next_steps], steps)
    assert.deepStrictEqual(noticeOf(run)?.nextSteps, steps)
    assert.strictEqual(
      noticeOf(run)?.message,
      "The run was started for no tenant, and this operation writes, so the run was not carried out."
    )
  })

  it("holds nothing of the payload, nor of the facts", () => {
    const secret = "hunter2"
    const queued = queuedRun({ payload: { password: secret } })
    const run = moved(queued, { _tag: "Block", denial: denialFor(queued) })
    if (run._tag !== "Blocked") assert.fail()
    for (const shown of [blockedContextOf(run), blockedSummaryOf(run), noticeOf(run)]) {
      assert.notInclude(JSON.stringify(shown), secret)
    }
  })

  it("the wire object in it is that of the decision", () => {
    const run = blockedRun()
    const denied = decide(snapshotWith({ workspace: null }))
    assert.deepStrictEqual(run.legitimacy, onTheWire(subject, denied))
  })
})

describe("notices", () => {
  it("tell the initiator, once the run has completed", () => {
    for (const state of RUN_STATES) {
      const run = runIn(state)
      if (!isCompleted(run)) continue
      const notice = noticeOf(run)
      assert.deepInclude(notice, {
        runId: runId(1),
        recipient: userId,
        workspaceId,
        tenantId,
        operationType: subject.operationType,
        nextSteps: nextStepsFor(run),
        completedAtMillis: run.completedAtMillis
      })
      assert.strictEqual(notice?.title, `restore.execute: ${headlineOf(run)}`)
      assert.match(notice?.message ?? "", /^[A-Z].*\.$/)
      assert.isTrue(Schema.is(Notice)(notice))
    }
  })

  it("say what the end was", () => {
    const told = RUN_STATES.map((state) => runIn(state))
      .filter(isCompleted)
      .map((run) => [noticeOf(run)?.outcome, noticeOf(run)?.message])
    assert.deepStrictEqual(told, [
      ["succeeded", "The run has finished."],
      ["partially_succeeded", "The run has finished, but not everything went well."],
      [
        "blocked",
        "The workspace this run belongs to no longer exists, so the run was stopped before its work was done."
      ],
      ["failed", "The provider did not answer in time."],
      ["cancelled", "The run was cancelled."]
    ])
  })

  it("tell nobody of a system run", () => {
    const system = {
      subject: { ...subject, authority: systemAuthority },
      actorKind: "scheduled",
      initiatorName: null
    } as const
    for (const state of RUN_STATES) {
      const run = runIn(state, system)
      if (isCompleted(run)) assert.isNull(noticeOf(run), state)
    }
  })
})
