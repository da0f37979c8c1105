/** The laws of the lifecycle (contract, section 3). */
import {
  authorize,
  block,
  type Denial,
  decide,
  dispatch,
  expire,
  failDispatch,
  hold,
  type IllegalReason,
  type Permit,
  RUN_EVENTS,
  RUN_STATES,
  type Run,
  type RunEvent,
  Run as RunSchema,
  revoke,
  start,
  succeed,
  transition,
  transitions,
  wireStateOf
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import {
  connectionId,
  dispatched,
  NOW_MILLIS,
  runId,
  snapshotWith,
  subject,
  tenantId,
  workspaceId
} from "../support/fixtures.ts"
import {
  denialFor,
  eventsFor,
  forced,
  heldRun,
  moved,
  passingDenialFor,
  permitFor,
  queuedRun,
  reportsOf,
  runIn,
  runningRun
} from "../support/runs.ts"

const assertRefused = (after: Result.Result<unknown, { readonly reason: IllegalReason }>, reason: IllegalReason) => {
  if (Result.isSuccess(after)) assert.fail(`it should be refused: ${reason}`)
  assert.strictEqual(after.failure.reason, reason)
}

describe("laws of the lifecycle", () => {
  describe("every_pair_is_decided", () => {
    for (const state of RUN_STATES) {
      for (const event of RUN_EVENTS) {
        const rows = transitions.filter((row) => row.from === state && row.event === event)
        it(`${state} × ${event} → ${rows.flatMap(({ to }) => to).join(" or ") || "refused"}`, () => {
          const reached = new Set<string>()
          for (const maxAttempts of [1, 2]) {
            const run = runIn(state, { maxAttempts })
            // A permit or report that would be true for this run if the pair were in the table.
            const active = run._tag === "Queued" || run._tag === "Running" ? run : queuedRun({ maxAttempts })
            const after = transition(run, eventsFor(active)[event])
            if (Result.isSuccess(after)) reached.add(after.success._tag)
            else {
              assert.strictEqual(after.failure.reason, "not_in_table")
              assert.deepInclude(after.failure, { runId: run.dispatch.id, from: state, event })
              assert.include(after.failure.message, `${event} is refused while ${state}`)
            }
          }
          // Exactly the states of the table: none that it does not name, none that cannot be reached.
          assert.sameMembers(
            [...reached],
            rows.flatMap(({ to }) => to)
          )
        })
      }
    }

    it("the table has each pair once, and names every state and event", () => {
      const pairs = transitions.map(({ from, event }) => `${from} ${event}`)
      assert.strictEqual(new Set(pairs).size, pairs.length)
      assert.sameMembers([...new Set(transitions.map(({ event }) => event))], [...RUN_EVENTS])
      assert.sameMembers(RUN_STATES.slice(), Object.keys(wireStateOf))
    })
  })

  it("no_running_without_permit", () => {
    const queued = queuedRun()
    // Every event but Start leaves a queued run not running.
    for (const [tag, event] of Object.entries(eventsFor(queued))) {
      const after = transition(queued, event)
      assert.strictEqual(Result.isSuccess(after) && after.success._tag === "Running", tag === "Start", tag)
    }
    // What is not a permit does not start it, whatever it looks like.
    const genuine = permitFor(queued)
    const decision = decide(snapshotWith())
    const lookAlikes: ReadonlyArray<unknown> = [
      undefined,
      null,
      0,
      "Permit",
      {},
      [],
      () => genuine,
      decision,
      denialFor(queued),
      { ...genuine },
      structuredClone({ ...genuine }),
      JSON.parse(JSON.stringify(genuine)),
      Object.create(genuine),
      Object.assign(Object.create(Object.getPrototypeOf(genuine)), genuine),
      new Proxy(genuine, {})
    ]
    for (const lookAlike of lookAlikes) {
      assertRefused(start(queued, forced<Permit>(lookAlike)), "not_genuine")
      assertRefused(transition(queued, { _tag: "Start", permit: forced<Permit>(lookAlike) }), "not_genuine")
    }
    // Nobody can make one through the one they have, nor change it.
    assert.throws(
      () => Reflect.construct(genuine.constructor, [Symbol("seal"), "Permit", queued, decision, snapshotWith()]),
      /authorize alone/
    )
    assert.throws(() => Object.assign(genuine, { admission: 2 }), TypeError)
    // A denial is no permit, and a permit is no denial.
    assertRefused(block(queued, forced<Denial>(genuine)), "not_genuine")
    assertRefused(hold(queued, forced<Denial>(genuine), NOW_MILLIS), "not_genuine")
    assertRefused(hold(queued, forced<Denial>({ ...passingDenialFor(queued) }), NOW_MILLIS), "not_genuine")
    assertRefused(revoke(runningRun(), forced<Denial>(permitFor(runningRun())), {}), "not_genuine")
    // A run in another state is not started, even with a permit made for it.
    const running = runningRun()
    assertRefused(start(forced(running), permitFor(running)), "not_in_table")
    assertRefused(revoke(forced(queued), denialFor(queued), {}), "not_in_table")
    assertRefused(block(forced(running), denialFor(running)), "not_in_table")
    assertRefused(hold(forced(running), passingDenialFor(running), NOW_MILLIS), "not_in_table")
  })

  it("permit_fits_one_run_and_admission", () => {
    const queued = queuedRun()
    const permit = permitFor(queued)
    const other = queuedRun({ id: runId(2) })
    assertRefused(start(other, permit), "other_run")
    assertRefused(block(other, denialFor(queued)), "other_run")
    assertRefused(hold(other, passingDenialFor(queued), NOW_MILLIS), "other_run")
    assertRefused(revoke(runningRun({ id: runId(2) }), denialFor(queued), {}), "other_run")
    const running = moved(queued, { _tag: "Start", permit })
    // Used once, it does not start the run again: not while it runs, not when it is back in the queue.
    assertRefused(transition(running, { _tag: "Start", permit }), "not_in_table")
    for (const back of ["Release", "FailAttempt", "LoseLease"] as const) {
      const again = moved(running, reportsOf(1)[back])
      assert.strictEqual(again._tag, "Queued", back)
      assert.strictEqual(again.admission, 2, back)
      assertRefused(transition(again, { _tag: "Start", permit }), "stale_admission")
      assertRefused(transition(again, { _tag: "Block", denial: denialFor(queued) }), "stale_admission")
      // Nor does what was decided while it ran.
      if (running._tag !== "Running" || again._tag !== "Queued") assert.fail()
      assertRefused(start(again, permitFor(running)), "stale_admission")
      const next = start(again, permitFor(again))
      if (Result.isFailure(next)) assert.fail(next.failure.message)
      assertRefused(revoke(next.success, denialFor(running), {}), "stale_admission")
      assert.isTrue(Result.isSuccess(revoke(next.success, denialFor(next.success), {})))
    }
    // It says what it was made from, and for which run it was asked.
    assert.deepInclude(permit, { _tag: "Permit", runId: queued.dispatch.id, admission: 1 })
    assert.deepStrictEqual(permit.decision, decide(permit.snapshot))
    assert.throws(
      () =>
        authorize(queued, {
          ...snapshotWith(),
          subject: { ...subject, scope: { ...subject.scope, tenantId: null } }
        }),
      `the snapshot is not about run ${queued.dispatch.id}`
    )
    // A subject that is equal is about the run as well as the very same.
    assert.isTrue(Result.isSuccess(authorize(queued, { ...snapshotWith(), subject: structuredClone(subject) })))
  })

  it("blocked_is_final", () => {
    const queued = queuedRun()
    const running = runningRun()
    const ends = [
      moved(queued, { _tag: "Block", denial: denialFor(queued) }),
      moved(running, { _tag: "Revoke", denial: denialFor(running), counts: { deleted: 7 } })
    ]
    for (const blocked of ends) {
      assert.deepStrictEqual(wireStateOf[blocked._tag], { status: "completed", outcome: "blocked" })
      for (const event of Object.values({ ...eventsFor(queued), ...eventsFor(running) })) {
        assertRefused(transition(blocked, event), "not_in_table")
      }
    }
  })

  it("terminal_states_absorb", () => {
    const completed = RUN_STATES.filter((state) => wireStateOf[state].status === "completed")
    assert.strictEqual(completed.length, 5)
    for (const state of completed) {
      for (const admission of [1, 2]) {
        const events: ReadonlyArray<RunEvent> = [
          ...Object.values(eventsFor(queuedRun())),
          ...Object.values(eventsFor(runningRun())),
          ...Object.values(reportsOf(admission))
        ]
        for (const event of events) {
          const run = runIn(state)
          const before = structuredClone(run)
          assertRefused(transition(run, event), "not_in_table")
          assert.deepStrictEqual(run, before)
        }
      }
    }
  })

  it("denial_spends_no_attempt", () => {
    const queued = queuedRun()
    const blocked = moved(queued, { _tag: "Block", denial: denialFor(queued) })
    assert.deepInclude(blocked, { _tag: "Blocked", attempt: 1, admission: 1, startedAtMillis: null, counts: {} })
    const running = runningRun()
    const revoked = moved(running, { _tag: "Revoke", denial: denialFor(running), counts: { deleted: 7 } })
    assert.deepInclude(revoked, { _tag: "Blocked", attempt: 1, admission: 1, startedAtMillis: NOW_MILLIS })
    const retried = moved(running, reportsOf(1).FailAttempt)
    if (retried._tag !== "Queued") assert.fail()
    const blockedLater = moved(retried, { _tag: "Block", denial: denialFor(retried, NOW_MILLIS + 5) })
    assert.deepInclude(blockedLater, {
      attempt: 2,
      admission: 2,
      startedAtMillis: NOW_MILLIS,
      completedAtMillis: NOW_MILLIS + 5,
      counts: { deleted: 7 }
    })
  })
})

describe("the edges, one by one", () => {
  const at = NOW_MILLIS + 1000
  const counts = { deleted: 7 }

  it("a dispatched run waits, and has not started", () => {
    assert.deepStrictEqual(dispatch(dispatched()), {
      _tag: "Queued",
      dispatch: dispatched(),
      attempt: 1,
      admission: 1,
      startedAtMillis: null,
      availableAtMillis: dispatched().dispatchedAtMillis,
      counts: {},
      held: null
    })
    assert.strictEqual(dispatch(dispatched(), 5).availableAtMillis, 5)
  })

  it("a run that no queue took has failed at once", () => {
    assert.deepStrictEqual(failDispatch(dispatched(), "The queue is away."), {
      _tag: "Failed",
      dispatch: dispatched(),
      attempt: 1,
      admission: 1,
      startedAtMillis: null,
      completedAtMillis: dispatched().dispatchedAtMillis,
      counts: {},
      failure: { code: "queue.dispatch_failed", message: "The queue is away." }
    })
  })

  it("started_at is that of the first start", () => {
    const running = runningRun()
    assert.strictEqual(running.startedAtMillis, NOW_MILLIS)
    const again = moved(running, reportsOf(1).Release)
    if (again._tag !== "Queued") assert.fail()
    const restarted = moved(again, { _tag: "Start", permit: permitFor(again, at) })
    assert.deepStrictEqual(restarted, { ...running, admission: 2, counts })
  })

  it("a release keeps the attempt and what was counted", () => {
    const running = runningRun()
    const { startedAtMillis, dispatch: of } = running
    assert.deepStrictEqual(moved(running, reportsOf(1).Release), {
      _tag: "Queued",
      dispatch: of,
      attempt: 1,
      admission: 2,
      startedAtMillis,
      availableAtMillis: at,
      counts,
      held: null
    })
  })

  it("a failed attempt waits for the next one, a lost lease too", () => {
    const running = runningRun()
    const waits = { _tag: "Queued" as const, attempt: 2, admission: 2, startedAtMillis: NOW_MILLIS }
    assert.deepInclude(moved(running, reportsOf(1).FailAttempt), { ...waits, availableAtMillis: at + 5000, counts })
    assert.deepInclude(moved(running, reportsOf(1).LoseLease), { ...waits, availableAtMillis: at + 9000, counts: {} })
  })

  it("the last attempt fails the run, with the attempt's failure or as stale", () => {
    const last = runningRun({ maxAttempts: 1 })
    const failure = { code: "provider.timeout", message: "The provider did not answer in time." }
    const failed = { _tag: "Failed" as const, attempt: 1, completedAtMillis: at, startedAtMillis: NOW_MILLIS }
    assert.deepInclude(moved(last, reportsOf(1).FailAttempt), { ...failed, counts, failure })
    const stale = moved(last, reportsOf(1).LoseLease)
    assert.deepInclude(stale, { ...failed, counts: {} })
    if (stale._tag !== "Failed") assert.fail()
    assert.strictEqual(stale.failure.code, "run.stale_running")
    assert.strictEqual(stale.failure.message, "The worker that ran it stopped answering, and no attempts are left.")
  })

  it("a run that waited too long has failed before it started", () => {
    const stale = expire(queuedRun(), { _tag: "Expire", atMillis: at })
    assert.deepInclude(stale, { _tag: "Failed", completedAtMillis: at, startedAtMillis: null })
    assert.strictEqual(stale.failure.code, "run.stale_queued")
    assert.strictEqual(
      stale.failure.message,
      "The run waited longer than its limit and was given up before it started."
    )
    // One that has been at work is not said to have waited all the time, nor that it never started.
    const again = moved(runningRun(), reportsOf(1).Release)
    if (again._tag !== "Queued") assert.fail()
    const givenUp = expire(again, { _tag: "Expire", atMillis: at })
    assert.deepInclude(givenUp, { _tag: "Failed", startedAtMillis: NOW_MILLIS, counts })
    assert.deepStrictEqual(givenUp.failure, {
      code: "run.stale_queued",
      message: "The run was back in the queue when its time was up, and was given up before its work was done."
    })
  })

  it("ends keep what the attempt counted and returned", () => {
    const running = runningRun()
    const ended = { attempt: 1, admission: 1, startedAtMillis: NOW_MILLIS, completedAtMillis: at, counts }
    const failure = { code: "provider.timeout", message: "The provider did not answer in time." }
    assert.deepInclude(moved(running, reportsOf(1).Succeed), { ...ended, _tag: "Succeeded", result: { done: true } })
    assert.deepInclude(moved(running, reportsOf(1).PartiallySucceed), {
      ...ended,
      _tag: "PartiallySucceeded",
      result: null,
      failures: [failure]
    })
    assert.deepInclude(moved(running, reportsOf(1).Fail), { ...ended, _tag: "Failed", failure })
  })

  it("a cancelled run says who cancelled it", () => {
    const running = runningRun()
    const by = { kind: "human", id: "operator" } as const
    const cancel: RunEvent = { _tag: "Cancel", by, atMillis: at }
    assert.deepInclude(moved(running, cancel), {
      _tag: "Cancelled",
      by,
      completedAtMillis: at,
      startedAtMillis: NOW_MILLIS
    })
    assert.deepInclude(moved(queuedRun(), cancel), { _tag: "Cancelled", by, startedAtMillis: null })
  })

  it("what an earlier admission reports is refused by its number", () => {
    const running = runningRun()
    for (const event of Object.values(reportsOf(2))) {
      assertRefused(transition(running, event), "stale_admission")
      assertRefused(transition(running, { ...event, admission: 0 }), "stale_admission")
    }
    assertRefused(succeed(running, reportsOf(2).Succeed), "stale_admission")
  })

  it("a refusal names the run, its state and the event, whichever edge was tried", () => {
    const [queued, running] = [queuedRun(), runningRun()]
    const [other, otherRunning] = [queuedRun({ id: runId(2) }), runningRun({ id: runId(2) })]
    const messageOf = (after: Result.Result<Run, Error>) => (Result.isFailure(after) ? after.failure.message : "moved")
    const refusals = [
      messageOf(start(other, permitFor(queued))),
      messageOf(block(other, denialFor(queued))),
      messageOf(hold(other, passingDenialFor(queued), NOW_MILLIS)),
      messageOf(hold(queued, denialFor(queued), NOW_MILLIS)),
      messageOf(revoke(otherRunning, denialFor(running), {})),
      messageOf(succeed(otherRunning, reportsOf(7).Succeed))
    ]
    assert.deepStrictEqual(refusals, [
      `run ${runId(2)}: Start is refused while Queued (other_run)`,
      `run ${runId(2)}: Block is refused while Queued (other_run)`,
      `run ${runId(2)}: Hold is refused while Queued (other_run)`,
      `run ${runId(1)}: Hold is refused while Queued (not_retryable)`,
      `run ${runId(2)}: Revoke is refused while Running (other_run)`,
      `run ${runId(2)}: Succeed is refused while Running (stale_admission)`
    ])
  })

  it("a blocked run carries the wire object and the failure", () => {
    const queued = queuedRun()
    const denial = denialFor(queued)
    const blocked = moved(queued, { _tag: "Block", denial })
    if (blocked._tag !== "Blocked") assert.fail()
    assert.deepStrictEqual(blocked.failure, denial.decision.failure)
    assert.deepInclude(blocked.legitimacy, {
      allowed: false,
      reason_code: "workspace_mismatch",
      denial_class: "scope_denied",
      target_scope: { workspace_id: workspaceId, tenant_id: tenantId, provider_connection_id: connectionId }
    })
    assert.strictEqual(blocked.completedAtMillis, NOW_MILLIS)
  })

  it("every state can be stored and read again", () => {
    const encode = Schema.encodeSync(Schema.toCodecJson(RunSchema))
    const decode = Schema.decodeUnknownSync(Schema.toCodecJson(RunSchema))
    for (const state of RUN_STATES) {
      const run: Run = runIn(state)
      assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(encode(run)))), run)
    }
    assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(encode(heldRun())))), heldRun())
  })
})
