/** Whether runs get on, and whether somebody has to look (contract, section 8). */
import {
  Freshness,
  freshnessInWords,
  freshnessOf,
  isCompleted,
  ProblemClass,
  problemClassOf,
  problemInWords,
  type Queued,
  RUN_STATES,
  type Run,
  whereaboutsOf,
  wireStateOf
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { effort } from "./support/effort.ts"
import { DAY_MILLIS, NOW_MILLIS } from "./support/fixtures.ts"
import { heldRun, moved, queuedRun, reportsOf, runIn, runningRun } from "./support/runs.ts"

const at = (nowMillis: number, leaseUntilMillis: number | null = null) => ({ nowMillis, leaseUntilMillis })

const failedAs = (code: string): Run => {
  const run = runIn("Failed")
  if (run._tag !== "Failed") assert.fail()
  return { ...run, failure: { ...run.failure, code } }
}

describe("freshness", () => {
  const dispatchedAtMillis = NOW_MILLIS
  const waiting = queuedRun({ dispatchedAtMillis, expiresAtMillis: NOW_MILLIS + 8 * DAY_MILLIS })

  it("a queued run is likely stale once half of its time to wait is over", () => {
    assert.strictEqual(freshnessOf(waiting, at(NOW_MILLIS)), "fresh_active")
    assert.strictEqual(freshnessOf(waiting, at(NOW_MILLIS + 4 * DAY_MILLIS - 1)), "fresh_active")
    assert.strictEqual(freshnessOf(waiting, at(NOW_MILLIS + 4 * DAY_MILLIS)), "likely_stale")
  })

  it("the time counts from when it could first be taken", () => {
    const later: Queued = { ...waiting, availableAtMillis: NOW_MILLIS + 6 * DAY_MILLIS }
    assert.strictEqual(freshnessOf(later, at(NOW_MILLIS + 7 * DAY_MILLIS - 1)), "fresh_active")
    assert.strictEqual(freshnessOf(later, at(NOW_MILLIS + 7 * DAY_MILLIS)), "likely_stale")
    const tooLate: Queued = { ...waiting, availableAtMillis: NOW_MILLIS + 9 * DAY_MILLIS }
    assert.strictEqual(freshnessOf(tooLate, at(NOW_MILLIS + 8 * DAY_MILLIS - 1)), "fresh_active")
    assert.strictEqual(freshnessOf(tooLate, at(NOW_MILLIS + 8 * DAY_MILLIS)), "likely_stale")
  })

  it("a held run waits with a reason: it is fresh until its time is up", () => {
    const held = heldRun({ dispatchedAtMillis, expiresAtMillis: NOW_MILLIS + 8 * DAY_MILLIS })
    assert.strictEqual(freshnessOf(held, at(NOW_MILLIS + 8 * DAY_MILLIS - 1)), "fresh_active")
    assert.strictEqual(freshnessOf(held, at(NOW_MILLIS + 8 * DAY_MILLIS)), "likely_stale")
  })

  it("a running run is likely stale when its lease has ended, or it has none", () => {
    const running = runningRun()
    assert.strictEqual(freshnessOf(running, at(NOW_MILLIS, NOW_MILLIS)), "fresh_active")
    assert.strictEqual(freshnessOf(running, at(NOW_MILLIS + 1, NOW_MILLIS)), "likely_stale")
    assert.strictEqual(freshnessOf(running, at(NOW_MILLIS, null)), "likely_stale")
  })

  it("a run that was given up is told from one that broke", () => {
    for (const code of ["run.stale_queued", "run.stale_running", "run.unreadable"]) {
      assert.strictEqual(freshnessOf(failedAs(code), at(NOW_MILLIS)), "reconciled_failed", code)
    }
    for (const code of ["provider.timeout", "queue.dispatch_failed"]) {
      assert.strictEqual(freshnessOf(failedAs(code), at(NOW_MILLIS)), "terminal_normal", code)
    }
    const expired = moved(queuedRun(), { _tag: "Expire", atMillis: NOW_MILLIS })
    assert.strictEqual(freshnessOf(expired, at(NOW_MILLIS)), "reconciled_failed")
    const orphaned = moved(runningRun({ maxAttempts: 1 }), reportsOf(1).LoseLease)
    assert.strictEqual(freshnessOf(orphaned, at(NOW_MILLIS)), "reconciled_failed")
  })
})

describe("problem classes", () => {
  it("are those of the contract, by example", () => {
    const classes = RUN_STATES.map((state) => [state, problemClassOf(runIn(state), at(NOW_MILLIS, NOW_MILLIS))])
    assert.deepStrictEqual(Object.fromEntries(classes), {
      Queued: "none",
      Running: "none",
      Succeeded: "none",
      PartiallySucceeded: "terminal_follow_up",
      Blocked: "terminal_follow_up",
      Failed: "terminal_follow_up",
      Cancelled: "none"
    })
    assert.strictEqual(problemClassOf(runningRun(), at(NOW_MILLIS)), "active_stale_attention")
    assert.strictEqual(problemClassOf(queuedRun(), at(NOW_MILLIS + 7 * DAY_MILLIS)), "active_stale_attention")
    assert.strictEqual(problemClassOf(heldRun(), at(NOW_MILLIS)), "none")
    assert.strictEqual(problemClassOf(failedAs("run.stale_queued"), at(NOW_MILLIS)), "terminal_follow_up")
  })
})

describe("laws of freshness", () => {
  const someTime = fc.integer({ min: NOW_MILLIS - 20 * DAY_MILLIS, max: NOW_MILLIS + 20 * DAY_MILLIS })
  const lease = fc.option(someTime)
  const dispatch = fc
    .tuple(someTime, fc.nat(10 * DAY_MILLIS))
    .map(([dispatchedAtMillis, limit]) => ({ dispatchedAtMillis, expiresAtMillis: dispatchedAtMillis + limit }))
  const anyRun = fc.oneof(
    fc.tuple(fc.constantFrom(...RUN_STATES), dispatch).map(([state, given]) => runIn(state, given)),
    dispatch.map((given) => heldRun(given)),
    fc.tuple(dispatch, someTime).map(([given, availableAtMillis]): Run => ({ ...queuedRun(given), availableAtMillis })),
    fc.constantFrom("run.stale_queued", "run.stale_running", "provider.timeout").map(failedAs)
  )
  const numRuns = effort.runs(5_000)

  it("terminal_is_never_active_stale_attention, and what is active is never terminal", () => {
    fc.assert(
      fc.property(anyRun, someTime, lease, (run, nowMillis, leaseUntilMillis) => {
        const freshness = freshnessOf(run, at(nowMillis, leaseUntilMillis))
        const problem = problemClassOf(run, at(nowMillis, leaseUntilMillis))
        const isTerminal = freshness === "terminal_normal" || freshness === "reconciled_failed"
        assert.strictEqual(isTerminal, isCompleted(run))
        assert.strictEqual(problem === "active_stale_attention", freshness === "likely_stale")
        if (isCompleted(run)) assert.notStrictEqual(problem, "active_stale_attention")
        else assert.notStrictEqual(problem, "terminal_follow_up")
        if (freshness === "reconciled_failed") assert.strictEqual(problem, "terminal_follow_up")
      }),
      { numRuns }
    )
  })

  it("every run is found where runs of its freshness are said to be", () => {
    fc.assert(
      fc.property(anyRun, someTime, lease, (run, nowMillis, leaseUntilMillis) => {
        const places = whereaboutsOf[freshnessOf(run, at(nowMillis, leaseUntilMillis))]
        const wire = wireStateOf[run._tag]
        const found = places.filter(
          ({ status, outcome }) =>
            (status === undefined || status === wire.status) && (outcome === undefined || outcome === wire.outcome)
        )
        assert.lengthOf(found, 1)
      }),
      { numRuns }
    )
  })

  it("growing_older_never_makes_fresh", () => {
    fc.assert(
      fc.property(anyRun, someTime, fc.nat(20 * DAY_MILLIS), lease, (run, nowMillis, older, leaseUntilMillis) => {
        const before = freshnessOf(run, at(nowMillis, leaseUntilMillis))
        const after = freshnessOf(run, at(nowMillis + older, leaseUntilMillis))
        if (before !== "fresh_active") assert.strictEqual(after, before)
        // Nor does a run become anything but stale by growing older.
        else assert.include(["fresh_active", "likely_stale"], after)
      }),
      { numRuns }
    )
  })

  it("every active run grows stale in the end", () => {
    fc.assert(
      fc.property(anyRun, lease, (run, leaseUntilMillis) => {
        const endMillis = Math.max(run.dispatch.expiresAtMillis, leaseUntilMillis ?? 0) + 1
        const freshness = freshnessOf(run, at(endMillis, leaseUntilMillis))
        if (!isCompleted(run)) assert.strictEqual(freshness, "likely_stale")
      }),
      { numRuns }
    )
  })
})

describe("freshness and problems in words", () => {
  it("each has a badge and a sentence of its own", () => {
    const told = [
      ...Freshness.literals.map((freshness) => freshnessInWords[freshness]),
      ...ProblemClass.literals.map((problem) => problemInWords[problem])
    ]
    for (const { label, sentence } of told) {
      assert.match(label, /^[A-Z][a-z -]+$/)
      assert.match(sentence, /^[A-Z].*\.$/)
    }
    assert.strictEqual(new Set(told.map(({ label }) => label)).size, told.length)
    assert.strictEqual(new Set(told.map(({ sentence }) => sentence)).size, told.length)
    assert.strictEqual(freshnessInWords.reconciled_failed.tone, "danger")
    assert.strictEqual(problemInWords.active_stale_attention.tone, "warning")
  })
})
