/** Running work is asked about with every heartbeat where something can have changed, and stopped when it must be. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { AuditLog, Catalogue, Operation, type RunId, TenantId, WorkspaceId } from "@countersign/domain"
import { Countersign, Handler, type HandlerContext, reconcile, type WorkerObserver } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Layer, Schema } from "effect"
import { actionsOf, findAs, freshScope, layerBench, pass, settleDown, startWorker } from "./support/bench.ts"
import { away, calm, Trouble, unreadableFacts } from "./support/unruly.ts"
import { ada, byAda, manager, settle, workspaceId } from "./support/world.ts"

const LEASE_MILLIS = 3_000
const BEAT_MILLIS = LEASE_MILLIS / 3

const declared = { payload: Schema.Json, result: Schema.Json, countKeys: ["done"] }
const reading = Operation.make({ ...declared, type: "reading" })
const writing = Operation.make({ ...declared, type: "writing", writes: true })
/** Its write gate is trusted for a few beats only. */
const wary = Operation.make({ ...declared, type: "wary", writes: true, writeGateMaxAgeMillis: 5 * BEAT_MILLIS })
const catalogue = Catalogue.make([reading, writing, wary])
const layerGate = Countersign.layer({ catalogue }).pipe(Layer.provideMerge(layerBench))

/** One run of Ada's at work like this since the first moment, and whether it was stopped. */
const working = Effect.fnUntraced(function* <E>(
  operation: Operation<Schema.Json, Schema.Json>,
  work: (context: HandlerContext) => Effect.Effect<unknown, E> = () => Effect.never
) {
  yield* settle
  const gate = yield* Countersign
  const { run } = yield* gate.dispatch({ ...byAda, operation, payload: freshScope() })
  const seen = { stopped: false }
  const handler = Handler.make(operation, (_, context) =>
    Effect.as(work(context), null).pipe(
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          seen.stopped = true
        })
      )
    )
  )
  const observed: Array<string> = []
  const observe: WorkerObserver = ({ _tag }) =>
    Effect.sync(() => {
      observed.push(_tag)
    })
  const { worker } = yield* startWorker([handler], { catalogue, leaseMillis: LEASE_MILLIS, observe })
  yield* settleDown
  const { id } = run.dispatch
  yield* findAs(id, "Running")
  return { id, seen, worker, observed }
})

const decisionsOn = (id: RunId) =>
  Effect.flatMap(AuditLog, (log) => Effect.map(log.decisionsOf(id), (decisions) => decisions.length))

const beats = (count: number) => pass(count * BEAT_MILLIS)
const loseMembership = Effect.flatMap(AuthorityBook, (book) => book.removeMembership(workspaceId, ada))
const unchangedMembership = Effect.flatMap(AuthorityBook, (book) => book.setMembership(workspaceId, ada, manager))

describe("which running work is asked about", () => {
  it.effect("that reads: once, and then only when its workspace's authority has changed", () =>
    Effect.gen(function* () {
      const { id, seen } = yield* working(reading)
      assert.strictEqual(yield* decisionsOn(id), 1)
      yield* beats(10)
      assert.strictEqual(yield* decisionsOn(id), 2)
      yield* unchangedMembership
      yield* beats(5)
      assert.strictEqual(yield* decisionsOn(id), 3)
      assert.isFalse(seen.stopped)
      yield* findAs(id, "Running")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that reads: not when another workspace's authority has changed", () =>
    Effect.gen(function* () {
      const { id } = yield* working(reading)
      yield* beats(2)
      yield* (yield* AuthorityBook).setWorkspace({ id: WorkspaceId.make("elsewhere"), open: true })
      yield* beats(5)
      assert.strictEqual(yield* decisionsOn(id), 2)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that writes: with each beat, because a write gate grows stale by itself", () =>
    Effect.gen(function* () {
      const { id } = yield* working(writing)
      yield* pass(5 * BEAT_MILLIS + 100)
      assert.strictEqual(yield* decisionsOn(id), 6)
      yield* findAs(id, "Running")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that writes under a gate nobody checks any more is stopped when it is stale", () =>
    Effect.gen(function* () {
      const { id, seen } = yield* working(wary)
      yield* pass(5 * BEAT_MILLIS - 100)
      assert.isFalse(seen.stopped)
      yield* beats(2)
      assert.isTrue(seen.stopped)
      assert.strictEqual((yield* findAs(id, "Blocked")).failure.code, "write_gate_blocked")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("work that has lost its authority", () => {
  it.effect("is stopped within a beat, blocked with its counts, and reported once", () =>
    Effect.gen(function* () {
      const { id, seen, worker, observed } = yield* working(reading, ({ reportCounts }) =>
        Effect.andThen(reportCounts({ done: 4 }), Effect.never)
      )
      yield* beats(3)
      yield* loseMembership
      yield* pass(BEAT_MILLIS + 100)
      assert.isTrue(seen.stopped)
      assert.strictEqual(yield* worker.atWork, 0)
      assert.deepStrictEqual((yield* findAs(id, "Blocked")).counts, { done: 4 })
      yield* beats(5)
      assert.strictEqual((yield* actionsOf(id)).filter((action) => action === "run.revoked").length, 1)
      assert.deepStrictEqual(observed, ["Started", "Revoked"])
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is stopped though the first decision about it was undone with its unit of work", () =>
    Effect.gen(function* () {
      const { id, seen } = yield* working(reading)
      yield* beats(3)
      yield* loseMembership
      const trouble = yield* Trouble
      let undone = 0
      let isAsking = false
      trouble.beforeStore = ({ operation }) => {
        if (operation === "holdRunning") isAsking = true
        if (operation !== "commit" || !isAsking || undone > 0) return Effect.void
        undone += 1
        return Effect.fail(away())
      }
      yield* beats(4)
      assert.strictEqual(undone, 1)
      assert.isTrue(seen.stopped)
      yield* findAs(id, "Blocked")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is stopped though a question before was never answered", () =>
    Effect.gen(function* () {
      const { id, seen } = yield* working(reading)
      yield* beats(3)
      const trouble = yield* Trouble
      trouble.beforeStore = ({ operation }) => (operation === "transact" ? Effect.never : Effect.void)
      yield* beats(3)
      yield* calm
      yield* loseMembership
      yield* pass(20_000)
      assert.isTrue(seen.stopped)
      yield* findAs(id, "Blocked")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("facts that cannot be read", () => {
  for (const [what, happens] of [
    ["fail", Effect.fail(unreadableFacts)],
    ["break", Effect.die(new Error("broken"))]
  ] as const) {
    it.effect(`and ${what} cost neither the work nor its lease, and the question is asked again`, () =>
      Effect.gen(function* () {
        const { id, seen } = yield* working(reading)
        const trouble = yield* Trouble
        trouble.beforeFacts = () => happens
        yield* loseMembership
        yield* pass(10 * LEASE_MILLIS)
        assert.strictEqual(yield* decisionsOn(id), 1)
        assert.strictEqual(yield* reconcile(catalogue), 0)
        assert.strictEqual((yield* findAs(id, "Running")).admission, 1)
        assert.isFalse(seen.stopped)
        yield* calm
        yield* pass(11_000 + BEAT_MILLIS)
        assert.isTrue(seen.stopped)
        yield* findAs(id, "Blocked")
      }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("once: the next beat asks", () =>
    Effect.gen(function* () {
      const { id } = yield* working(reading)
      const trouble = yield* Trouble
      trouble.beforeFacts = () => Effect.fail(unreadableFacts)
      yield* pass(BEAT_MILLIS + 50, 50)
      yield* calm
      assert.strictEqual(yield* decisionsOn(id), 1)
      yield* pass(BEAT_MILLIS + 200)
      assert.strictEqual(yield* decisionsOn(id), 2)
    }).pipe(Effect.provide(layerGate))
  )
})

describe("a chunk", () => {
  it.effect("is not asked about nor broken off; right after it the run is blocked with what it counted", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const did: Array<string> = []
      const { id, seen } = yield* working(writing, ({ chunk, reportCounts }) =>
        Effect.gen(function* () {
          yield* chunk(Effect.andThen(Deferred.await(go), reportCounts({ done: 9 })))
          did.push("went on")
        })
      )
      yield* loseMembership
      yield* beats(5)
      assert.strictEqual(yield* decisionsOn(id), 1)
      assert.isFalse(seen.stopped)
      yield* Deferred.succeed(go, undefined)
      yield* settleDown
      assert.isTrue(seen.stopped)
      assert.deepStrictEqual(did, [])
      assert.deepStrictEqual((yield* findAs(id, "Blocked")).counts, { done: 9 })
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that is still legitimate is followed by the next, with what it came to", () =>
    Effect.gen(function* () {
      const did: Array<number> = []
      const { id } = yield* working(writing, ({ chunk }) =>
        Effect.gen(function* () {
          for (const n of [1, 2, 3]) did.push(yield* chunk(Effect.succeed(n)))
          return yield* Effect.never
        })
      )
      assert.deepStrictEqual(did, [1, 2, 3])
      assert.strictEqual(yield* decisionsOn(id), 4)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that fails does so in its own way, and the heartbeat asks again from then on", () =>
    Effect.gen(function* () {
      const { id } = yield* working(writing, ({ chunk }) =>
        Effect.andThen(Effect.ignore(chunk(Effect.fail("not today"))), Effect.never)
      )
      yield* pass(2 * BEAT_MILLIS + 100)
      assert.strictEqual(yield* decisionsOn(id), 3)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("beside another: while one of them lasts, the heartbeat does not ask", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const { id } = yield* working(writing, ({ chunk }) =>
        Effect.all([chunk(Effect.void), chunk(Deferred.await(go))], { concurrency: "unbounded", discard: true })
      )
      yield* beats(5)
      // At its admission, and by the chunk that is done.
      assert.strictEqual(yield* decisionsOn(id), 2)
      yield* Deferred.succeed(go, undefined)
      yield* settleDown
      yield* findAs(id, "Succeeded")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("what is being settled", () => {
  it.effect("is not asked about: what it came to counts, however long the store is away", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const { id } = yield* working(reading, () => Deferred.await(go))
      const trouble = yield* Trouble
      const asked: Array<string> = []
      trouble.beforeStore = ({ operation, steps }) => {
        if (operation === "holdRunning") asked.push(operation)
        return steps.some(({ after }) => after._tag === "Succeeded") ? Effect.fail(away()) : Effect.void
      }
      yield* Deferred.succeed(go, undefined)
      yield* settleDown
      yield* loseMembership
      yield* beats(5)
      assert.deepStrictEqual(asked, [])
      yield* calm
      yield* pass(11_000)
      yield* findAs(id, "Succeeded")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("what ends while it is asked about", () => {
  it.effect("has ended as it says, and is not decided about any more", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const { id } = yield* working(reading, () => Deferred.await(go))
      const trouble = yield* Trouble
      let asked = 0
      trouble.beforeFacts = () =>
        Effect.suspend(() => {
          asked += 1
          return Effect.sleep(500)
        })
      yield* loseMembership
      yield* pass(BEAT_MILLIS + 100)
      assert.strictEqual(asked, 1)
      yield* Deferred.succeed(go, undefined)
      yield* pass(2_000)
      yield* findAs(id, "Succeeded")
      assert.strictEqual(yield* decisionsOn(id), 1)
    }).pipe(Effect.provide(layerGate))
  )
})

describe("facts of one run that cannot be read", () => {
  for (const [how, happens] of [
    ["fail", Effect.fail(unreadableFacts)],
    ["break", Effect.die(new Error("broken"))],
    ["never answer", Effect.never]
  ] as const) {
    // Asked in memory, one at a time: a question that hangs for its ten seconds must not cost the leases.
    const leaseMillis = how === "never answer" ? 60_000 : LEASE_MILLIS
    const aBeat = pass(leaseMillis / 3 + (how === "never answer" ? 10_000 : 0) + 100)
    it.effect(`that ${how} keep no other work of the worker from being stopped`, () =>
      Effect.gen(function* () {
        yield* settle
        const gate = yield* Countersign
        const book = yield* AuthorityBook
        const stopped: Array<RunId> = []
        const handler = Handler.make(writing, (_, { runId }) =>
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => stopped.push(runId)))
        )
        const dispatch = (name: string) =>
          Effect.gen(function* () {
            const scope = { workspaceId, tenantId: TenantId.make(name) }
            yield* book.setTenant({ id: scope.tenantId, workspaceId, state: "active" })
            yield* book.setEntitlement(ada, scope.tenantId)
            const nowMillis = yield* Clock.currentTimeMillis
            yield* book.setWriteGate({ tenantId: scope.tenantId, health: "ok", checkedAtMillis: nowMillis })
            const { run } = yield* gate.dispatch({
              initiator: ada,
              ...scope,
              operation: writing,
              payload: freshScope()
            })
            return run.dispatch.id
          })
        const poisoned = yield* dispatch("poisoned")
        const healthy = yield* Effect.forEach(["one", "two", "three"], dispatch)
        yield* startWorker([handler], { catalogue, leaseMillis })
        yield* settleDown
        const trouble = yield* Trouble
        trouble.beforeFacts = (requests) =>
          requests.some(({ subject }) => subject.scope.tenantId === "poisoned") ? happens : Effect.void
        yield* pass(60_000)
        assert.deepStrictEqual(stopped, [])
        yield* book.removeEntitlement(ada, TenantId.make("two"))
        yield* aBeat
        assert.deepStrictEqual(stopped, [healthy[1]])
        yield* calm
        yield* aBeat
        yield* book.removeEntitlement(ada, TenantId.make("poisoned"))
        yield* aBeat
        assert.deepStrictEqual(stopped, [healthy[1], poisoned])
      }).pipe(Effect.provide(layerGate))
    )
  }
})
