/** `limits_are_never_exceeded`: which runs get their turn, whatever runs already and in whatever order they come. */
import {
  type Counter,
  counterKeyOf,
  countersOf,
  type LimitsOf,
  laneKeyOf,
  laneOf,
  Operation,
  OperationType,
  PauseReason,
  PauseScope,
  Priority,
  type Queued,
  rankOf,
  TenantId,
  turnsOf,
  WorkspaceId,
  waitingFor
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { dispatched, NOW_MILLIS, runId, subject } from "../support/fixtures.ts"

const types = ["free", "few", "few each"].map((type) => OperationType.make(type))
const limitsOf: LimitsOf = (type) => (type === "free" ? null : { total: type === "few" ? 3 : null, perTenant: 2 })

const Sketch = Schema.Struct({
  type: Schema.Literals([0, 1, 2]),
  tenant: Schema.Literals([0, 1, 2]),
  priority: Priority,
  laterMillis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
})

const queuedAs = ({ type, tenant, priority, laterMillis }: typeof Sketch.Type, n: number): Queued => ({
  _tag: "Queued",
  dispatch: {
    ...dispatched(),
    id: runId(n),
    priority,
    subject: {
      ...subject,
      operationType: types[type] ?? subject.operationType,
      scope: { ...subject.scope, tenantId: tenant === 0 ? null : TenantId.make(`tenant ${tenant}`) }
    }
  },
  attempt: 1,
  admission: 1,
  startedAtMillis: null,
  availableAtMillis: NOW_MILLIS + laterMillis,
  counts: {},
  held: null
})

const limitOf = (counter: Counter): number => {
  const limits = limitsOf(counter._tag === "Operation" ? counter.operationType : counter.lane.operationType)
  return (counter._tag === "Operation" ? limits?.total : limits?.perTenant) ?? Number.POSITIVE_INFINITY
}

const isOf = ({ dispatch }: Queued, counter: Counter): boolean =>
  counter._tag === "Operation"
    ? dispatch.subject.operationType === counter.operationType
    : laneKeyOf(laneOf(dispatch.subject)) === laneKeyOf(counter.lane)

describe("limits_are_never_exceeded", () => {
  it.prop(
    "no counter goes past its limit, whoever waits does so for a counter without room, and whoever stands before it has its turn",
    {
      sketches: Schema.Array(Sketch),
      running: Schema.Array(Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))))
    },
    ({ sketches, running }) => {
      const runs = sketches.map(queuedAs)
      const counters = countersOf(runs, limitsOf)
      // Null: somebody else has this counter.
      const counts = new Map(
        counters.flatMap((counter, n): ReadonlyArray<readonly [string, number]> => {
          const count = running.length === 0 ? 0 : (running[n % running.length] ?? null)
          return count === null ? [] : [[counterKeyOf(counter), count]]
        })
      )
      const { now, later } = turnsOf(runs, limitsOf, counts)
      assert.sameMembers([...now, ...later.map(({ run }) => run)], runs)
      assert.deepStrictEqual(
        now,
        runs.filter((run) => now.includes(run))
      )
      for (const counter of counters) {
        const before = counts.get(counterKeyOf(counter))
        const taken = now.filter((run) => isOf(run, counter)).length
        if (before === undefined) assert.strictEqual(taken, 0)
        else assert.isAtMost(taken, Math.max(limitOf(counter) - before, 0))
      }
      for (const { run, counter, isBusy } of later) {
        assert.isTrue(isOf(run, counter))
        const before = counts.get(counterKeyOf(counter))
        assert.strictEqual(isBusy, before === undefined)
        const taken = now.filter((other) => isOf(other, counter))
        if (before !== undefined) assert.isAtLeast(before + taken.length, limitOf(counter))
        for (const other of taken) {
          assert.isAtMost(rankOf[other.dispatch.priority], rankOf[run.dispatch.priority])
        }
      }
    }
  )

  it("an operation without limits is counted nowhere", () => {
    const run = queuedAs({ type: 0, tenant: 0, priority: "normal", laterMillis: 0 }, 1)
    assert.deepStrictEqual(countersOf([run], limitsOf), [])
    assert.deepStrictEqual(turnsOf([run], limitsOf, new Map()), { now: [run], later: [] })
  })
})

describe("declarations", () => {
  const declared = (given: object) =>
    Operation.make({ type: "sync", payload: Schema.Void, result: Schema.Void, ...given })

  it("a limit is a whole number of at least 1, or there is none", () => {
    for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null]) {
      for (const name of ["total", "perTenant"]) {
        assert.throws(() => declared({ concurrency: { [name]: limit } }), new RegExp(`concurrency\\.${name} must be`))
      }
    }
    assert.deepStrictEqual(declared({ concurrency: { total: 3 } }).concurrency, { total: 3, perTenant: null })
    assert.isNull(declared({ concurrency: {} }).concurrency)
    assert.isNull(declared({}).concurrency)
  })

  it("a priority is one that there is", () => {
    for (const priority of ["urgent", "", 1, null, "High"]) {
      assert.throws(() => declared({ priority }), /priority must be high, normal, low/)
    }
    assert.strictEqual(declared({}).priority, "normal")
    assert.strictEqual(declared({ priority: "low" }).priority, "low")
  })
})

describe("pauses", () => {
  it("a scope names something; a reason says something, on one line and not too long", () => {
    const isScope = Schema.is(PauseScope)
    const isReason = Schema.is(PauseReason)
    assert.isFalse(isScope({ operationType: null, workspaceId: null }))
    assert.isTrue(isScope({ operationType: null, workspaceId: "w" }))
    assert.isFalse(isScope({ operationType: "", workspaceId: "w" }))
    for (const reason of ["", "   ", "two\nlines", "x".repeat(501), "\ud800", null]) assert.isFalse(isReason(reason))
    assert.isTrue(isReason("x".repeat(500)))
  })

  it("what a queued run waits for: the pause first, then the facts, then its time, then its turn", () => {
    const run = queuedAs({ type: 0, tenant: 1, priority: "normal", laterMillis: 3 }, 1)
    const { operationType, scope } = run.dispatch.subject
    const pause = { by: "ada", reason: "r", sinceMillis: 5 }
    const pauses = [
      { ...pause, scope: { operationType, workspaceId: WorkspaceId.make("elsewhere") } },
      { ...pause, scope: { operationType: OperationType.make("another"), workspaceId: null } },
      { ...pause, scope: { operationType, workspaceId: scope.workspaceId } },
      { ...pause, scope: { operationType: null, workspaceId: scope.workspaceId }, sinceMillis: 4 }
    ]
    const held: Queued = {
      ...run,
      held: { failure: { code: "write_gate_blocked", detail: "stale", about: null }, sinceMillis: 0 }
    }
    const first = pauses[3] ?? assert.fail("there are four")
    assert.deepStrictEqual(waitingFor(run, pauses, NOW_MILLIS), { _tag: "Resume", pause: first })
    assert.deepStrictEqual(waitingFor(run, pauses.slice(0, 2), NOW_MILLIS), { _tag: "Time", atMillis: NOW_MILLIS + 3 })
    assert.deepStrictEqual(waitingFor(run, [], NOW_MILLIS + 3), { _tag: "Turn" })
    assert.deepStrictEqual(waitingFor(held, [], NOW_MILLIS), { _tag: "Facts", held: held.held ?? assert.fail() })
    assert.strictEqual(waitingFor(held, pauses, NOW_MILLIS)._tag, "Resume")
  })
})
