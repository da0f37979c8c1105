/** A queue of the host's own: what it is given, what it does not take, and what its deliveries bring about. */

import { AuthorityBook } from "@countersign/adapters/testing"
import {
  AuditLog,
  Catalogue,
  EnqueueFailed,
  Notices,
  Operation,
  OutsideQueue,
  type QueueEntry,
  type RunId,
  TenantId
} from "@countersign/domain"
import {
  AttemptFailed,
  Countersign,
  type Delivered,
  deliverDue,
  Handler,
  inventorySync,
  remind,
  restoreExecute,
  sampleCatalogue
} from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Deferred, Effect, Fiber, Layer, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  actionsOf,
  defined,
  find,
  findAs,
  freshScope,
  Delivered as Inbox,
  layerBench,
  pass,
  settleDown,
  startWorker
} from "./support/bench.ts"
import { away, calm, Trouble, unreadableFacts } from "./support/unruly.ts"
import { ada, byAda, readonly, setGate, settle, workspaceId } from "./support/world.ts"

/** A queue that keeps what it is given, and refuses when it is told to. */
const makeQueue = () => {
  const entries: Array<QueueEntry> = []
  const state: { happens: Effect.Effect<void, EnqueueFailed> } = { happens: Effect.void }
  const queue = OutsideQueue.of({
    enqueue: (given) =>
      Effect.andThen(
        Effect.suspend(() => state.happens),
        Effect.sync(() => entries.push(...given))
      )
  })
  return { queue, entries, state, idsOf: () => entries.map(({ runId }) => runId) }
}

/** The gate over the same ports, with a queue of the host's. */
const gateWith = (queue: OutsideQueue["Service"]) =>
  Effect.map(Layer.build(Layer.fresh(Countersign.layer({ catalogue: sampleCatalogue, queue }))), (context) =>
    Context.get(context, Countersign)
  )

const asked = { ...byAda, operation: inventorySync }

/** A world, a queue, a gate that dispatches into it, and a worker that does only what is delivered. */
const given = Effect.fnUntraced(function* (handlers: ReadonlyArray<Handler> = [counted.handler]) {
  yield* settle
  const host = makeQueue()
  const gate = yield* gateWith(host.queue)
  const { worker, stop } = yield* startWorker(handlers, { claims: false, queue: host.queue, concurrency: 3 })
  const dispatch = Effect.gen(function* () {
    const { run } = yield* gate.dispatch({ ...asked, payload: freshScope() })
    return run.dispatch.id
  })
  return { ...host, gate, worker, stop, dispatch }
})

const counted = (() => {
  const calls = new Map<RunId, number>()
  const handler = Handler.make(inventorySync, (_, { runId }) =>
    Effect.sync(() => {
      calls.set(runId, (calls.get(runId) ?? 0) + 1)
      return { items: 1 }
    })
  )
  return { handler, callsOf: (id: RunId) => calls.get(id) ?? 0 }
})()

const tagsOf = (answers: ReadonlyArray<Delivered>) => answers.map(({ _tag }) => _tag)

describe("dispatch into a queue of the host's own", () => {
  it.effect("a run is stored with its entry, for when it may be taken, and nobody claims it", () =>
    Effect.gen(function* () {
      const { gate, entries, dispatch } = yield* given()
      const id = yield* dispatch
      const nowMillis = yield* Clock.currentTimeMillis
      assert.deepStrictEqual(entries, [{ runId: id, notBeforeMillis: nowMillis }])
      const later = { ...asked, payload: freshScope(), availableAtMillis: nowMillis + 5_000 }
      const { run } = yield* gate.dispatch(later)
      assert.deepStrictEqual(entries.at(-1), { runId: run.dispatch.id, notBeforeMillis: nowMillis + 5_000 })
      const again = yield* gate.dispatch(later)
      assert.isTrue(again.deduped)
      assert.lengthOf(entries, 2)
      yield* pass(20_000)
      assert.strictEqual((yield* find(id))._tag, "Queued")
    }).pipe(Effect.provide(layerBench))
  )

  for (const [how, happens] of [
    ["fails", Effect.fail(new EnqueueFailed({ problem: "redis://secret is down" }))],
    ["breaks", Effect.die(new Error("broken"))],
    ["never answers", Effect.never]
  ] as const) {
    it.effect(`a queue that ${how}: the run has failed, audited, its initiator is told, and its identity is free`, () =>
      Effect.gen(function* () {
        const { gate, state, entries } = yield* given()
        const request = { ...asked, payload: freshScope() }
        state.happens = happens
        const dispatching = yield* Effect.forkChild(gate.dispatch(request))
        yield* pass(11_000, 1_000)
        const { run, deduped } = yield* Fiber.join(dispatching)
        if (run._tag !== "Failed") return assert.fail(`the run is ${run._tag}`)
        assert.isFalse(deduped)
        assert.strictEqual(run.failure.code, "queue.dispatch_failed")
        assert.notInclude(run.failure.message, "secret")
        assert.isNull(run.startedAtMillis)
        assert.deepStrictEqual(yield* find(run.dispatch.id), run)
        assert.deepStrictEqual(yield* actionsOf(run.dispatch.id), ["run.dispatch_failed"])
        assert.deepStrictEqual(entries, [])
        yield* deliverDue
        assert.deepStrictEqual(
          (yield* Inbox).notices.map(({ runId, recipient, outcome }) => [runId, recipient, outcome]),
          [[run.dispatch.id, ada, "failed"]]
        )
        const log = yield* AuditLog
        assert.strictEqual((yield* log.recordsOf(run.dispatch.id))[0]?.outcome, "failed")
        state.happens = Effect.void
        assert.strictEqual((yield* gate.dispatch(request)).run._tag, "Queued")
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("a commit that fails leaves an id without a run: its delivery is put off, and forgotten in the end", () =>
    Effect.gen(function* () {
      const { gate, worker, entries } = yield* given()
      const trouble = yield* Trouble
      trouble.beforeStore = ({ operation }) => (operation === "commit" ? Effect.fail(away()) : Effect.void)
      assert.strictEqual(
        (yield* Effect.flip(gate.dispatch({ ...asked, payload: freshScope() })))._tag,
        "StoreUnavailable"
      )
      yield* calm
      const { runId } = defined(entries[0])
      const nowMillis = yield* Clock.currentTimeMillis
      const [answer] = yield* worker.deliver([runId])
      assert.deepStrictEqual(answer, { _tag: "Unknown", id: runId, againAtMillis: nowMillis + 10_000 })
      assert.deepStrictEqual(entries.at(-1), { runId, notBeforeMillis: nowMillis + 10_000 })
      yield* TestClock.adjust(60_000)
      const ofFarAway = "ffffffff-ffff-7000-8000-000000000000"
      assert.deepStrictEqual(yield* worker.deliver([runId, "not an id", ofFarAway]), [
        { _tag: "Unknown", id: runId, againAtMillis: null },
        { _tag: "Unknown", id: "not an id", againAtMillis: null },
        { _tag: "Unknown", id: ofFarAway, againAtMillis: null }
      ])
      assert.lengthOf(entries, 2)
    }).pipe(Effect.provide(layerBench))
  )
})

describe("deliveries", () => {
  it.effect("an allowed run is carried out, a denied one is blocked, and each is answered with where it stands", () =>
    Effect.gen(function* () {
      const { worker, dispatch } = yield* given()
      const allowed = yield* Effect.replicateEffect(dispatch, 5)
      const answers = yield* worker.deliver([...allowed, ...allowed])
      assert.deepStrictEqual(
        answers.map(({ id }) => id),
        allowed
      )
      for (const id of allowed) {
        assert.strictEqual((yield* find(id))._tag, "Succeeded")
        assert.strictEqual(counted.callsOf(id), 1)
      }
      const denied = yield* dispatch
      const book = yield* AuthorityBook
      yield* book.setMembership(workspaceId, ada, readonly)
      const [answer] = yield* worker.deliver([denied])
      if (answer?._tag !== "Completed") return assert.fail(`the run is ${answer?._tag}`)
      assert.strictEqual(answer.run._tag, "Blocked")
      assert.strictEqual(counted.callsOf(denied), 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("redelivery_changes_nothing: at once, while it runs, and when it is over", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const calls = yield* Ref.make(0)
      const slow = Handler.make(inventorySync, () =>
        Ref.update(calls, (n) => n + 1).pipe(Effect.andThen(Deferred.await(go)), Effect.as({ items: 1 }))
      )
      const { worker, dispatch } = yield* given([slow])
      const id = yield* dispatch
      const first = yield* Effect.forkChild(worker.deliver([id]))
      yield* settleDown
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([id])), ["Running"])
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual(tagsOf(yield* Fiber.join(first)), ["Completed"])
      const told = yield* actionsOf(id)
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([id, id])), ["Completed"])
      assert.deepStrictEqual(yield* actionsOf(id), told)
      assert.strictEqual(yield* Ref.get(calls), 1)
      const notices = yield* Notices
      yield* worker.delivered
      assert.strictEqual(yield* notices.countPending, 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("the next attempt is put back for when it is due; delivered before, it waits", () =>
    Effect.gen(function* () {
      const attempts = yield* Ref.make(0)
      const failing = Handler.make(inventorySync, () =>
        Effect.flatMap(
          Ref.updateAndGet(attempts, (n) => n + 1),
          (n) =>
            n === 1
              ? Effect.fail(new AttemptFailed({ code: "busy", message: "Busy.", retry: true, retryAfterMillis: 3_000 }))
              : Effect.succeed({ items: n })
        )
      )
      const { worker, dispatch, entries } = yield* given([failing])
      const id = yield* dispatch
      const dueMillis = (yield* Clock.currentTimeMillis) + 3_000
      const [answer] = yield* worker.deliver([id])
      if (answer?._tag !== "Waiting") return assert.fail(`the run is ${answer?._tag}`)
      assert.strictEqual(answer.againAtMillis, dueMillis)
      assert.deepStrictEqual(entries.at(-1), { runId: id, notBeforeMillis: dueMillis })
      const early = yield* worker.deliver([id])
      assert.deepStrictEqual(early, [answer])
      assert.strictEqual((yield* findAs(id, "Queued")).admission, 2)
      yield* TestClock.adjust(3_000)
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([id])), ["Completed"])
      assert.strictEqual((yield* findAs(id, "Succeeded")).attempt, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a run without a handler here, and one whose facts cannot be read, are left as they are for later", () =>
    Effect.gen(function* () {
      const { gate, worker, dispatch } = yield* given()
      const { run } = yield* gate.dispatch({ ...byAda, operation: restoreExecute, payload: { backupId: "b" } })
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([run.dispatch.id])), ["Waiting"])
      assert.deepStrictEqual(yield* find(run.dispatch.id), run)
      const id = yield* dispatch
      const trouble = yield* Trouble
      trouble.beforeFacts = () => Effect.fail(unreadableFacts)
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([id])), ["Waiting"])
      yield* calm
      yield* TestClock.adjust(60_000)
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([id])), ["Completed"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("one of many whose facts cannot be read keeps the others waiting once, and no longer", () =>
    Effect.gen(function* () {
      const { gate, worker, dispatch } = yield* given()
      const elsewhere = { ...asked, tenantId: TenantId.make("poisoned"), payload: freshScope() }
      const ids = [(yield* gate.dispatch(elsewhere)).run.dispatch.id, yield* dispatch, yield* dispatch]
      const trouble = yield* Trouble
      trouble.beforeFacts = (requests) =>
        requests.some(({ subject }) => subject.scope.tenantId === "poisoned")
          ? Effect.fail(unreadableFacts)
          : Effect.void
      assert.deepStrictEqual(tagsOf(yield* worker.deliver(ids)), ["Waiting", "Waiting", "Waiting"])
      yield* TestClock.adjust(60_000)
      assert.deepStrictEqual(tagsOf(yield* worker.deliver(ids)), ["Waiting", "Completed", "Completed"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a store that is away fails the delivery, and nothing has happened", () =>
    Effect.gen(function* () {
      const { worker, dispatch } = yield* given()
      const id = yield* dispatch
      const trouble = yield* Trouble
      trouble.beforeStore = ({ operation }) => (operation === "transact" ? Effect.fail(away()) : Effect.void)
      assert.strictEqual((yield* Effect.flip(worker.deliver([id])))._tag, "StoreUnavailable")
      yield* calm
      assert.strictEqual(counted.callsOf(id), 0)
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([id])), ["Completed"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("as many run at once as the worker has hands; the others wait for their turn", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      const slow = Handler.make(inventorySync, () => Effect.as(Deferred.await(go), { items: 1 }))
      const { worker, dispatch } = yield* given([slow])
      const ids = yield* Effect.replicateEffect(dispatch, 7)
      const delivering = yield* Effect.forEach(ids, (id) => Effect.forkChild(worker.deliver([id])))
      yield* settleDown
      assert.strictEqual(yield* worker.atWork, 3)
      yield* Deferred.succeed(go, undefined)
      for (const fiber of delivering) assert.deepStrictEqual(tagsOf(yield* Fiber.join(fiber)), ["Completed"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("several that were delivered together have their turn, however many come one by one", () =>
    Effect.gen(function* () {
      const { worker, dispatch } = yield* given([
        Handler.make(inventorySync, () => Effect.delay(Effect.succeed({ items: 1 }), 1_000))
      ])
      const deliver = (ids: ReadonlyArray<RunId>) => Effect.forkChild(worker.deliver(ids))
      yield* deliver([yield* dispatch])
      yield* pass(500)
      const together = yield* deliver(yield* Effect.replicateEffect(dispatch, 3))
      for (let later = 0; later < 6; later += 1) {
        yield* deliver([yield* dispatch])
        yield* pass(500)
      }
      assert.isDefined(together.pollUnsafe())
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a worker that stops gives back what it works on, and takes on nothing more", () =>
    Effect.gen(function* () {
      const { worker, dispatch, stop } = yield* given([Handler.make(inventorySync, () => Effect.never)])
      const [working, waiting] = [yield* dispatch, yield* dispatch]
      const delivering = yield* Effect.forkChild(worker.deliver([working]))
      yield* settleDown
      yield* stop
      assert.deepStrictEqual(tagsOf(yield* Fiber.join(delivering)), ["Waiting"])
      assert.strictEqual((yield* findAs(working, "Queued")).admission, 2)
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([waiting])), ["Waiting"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a worker that is stopping takes on nothing, while what it works on cleans up", () =>
    Effect.gen(function* () {
      let ids: ReadonlyArray<RunId> = []
      let whileStopping: Effect.Effect<unknown> = Effect.void
      const answered: Array<string> = []
      const handler = Handler.make(inventorySync, () => Effect.onInterrupt(Effect.never, () => whileStopping))
      const { worker, dispatch, stop } = yield* given([handler])
      ids = [yield* dispatch, yield* dispatch]
      whileStopping = Effect.map(Effect.orDie(worker.deliver(ids.slice(1))), (answers) => {
        answered.push(...tagsOf(answers))
      }).pipe(Effect.timeoutOption("5 seconds"))
      const delivering = yield* Effect.forkChild(worker.deliver(ids.slice(0, 1)))
      yield* settleDown
      yield* stop
      yield* Fiber.join(delivering)
      assert.deepStrictEqual(answered, ["Waiting"])
      assert.strictEqual((yield* findAs(defined(ids[1]), "Queued")).admission, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a held run whose facts change is put into the queue at once, without having seemed forgotten", () =>
    Effect.gen(function* () {
      yield* settle
      const { queue, entries } = makeQueue()
      const patient = Operation.make({
        type: "patient",
        payload: Schema.Json,
        result: Schema.Json,
        writes: true,
        hold: { retryMillis: 600_000, deadlineMillis: 3_600_000 }
      })
      const catalogue = Catalogue.make([patient])
      const context = yield* Layer.build(Layer.fresh(Countersign.layer({ catalogue, queue })))
      const gate = Context.get(context, Countersign)
      const handler = Handler.make(patient, () => Effect.succeed(null))
      const { worker } = yield* startWorker([handler], { catalogue, claims: false })
      yield* setGate("failed")
      const { run } = yield* gate.dispatch({ ...byAda, operation: patient, payload: freshScope() })
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([run.dispatch.id])), ["Waiting"])
      assert.strictEqual(yield* remind(queue, [patient.type]), 0)
      yield* setGate("ok")
      assert.strictEqual(yield* remind(queue, [patient.type]), 1)
      assert.strictEqual(entries.at(-1)?.runId, run.dispatch.id)
      assert.deepStrictEqual(tagsOf(yield* worker.deliver([run.dispatch.id])), ["Completed"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("what a queue has forgotten is put into it again, and what it just got is not", () =>
    Effect.gen(function* () {
      yield* settle
      const { queue, entries } = makeQueue()
      const gate = yield* gateWith(queue)
      const { run } = yield* gate.dispatch({ ...asked, payload: freshScope() })
      const types = [inventorySync.type]
      assert.strictEqual(yield* remind(queue, types), 0)
      yield* TestClock.adjust(30_000)
      assert.strictEqual(yield* remind(queue, []), 0)
      assert.strictEqual(yield* remind(queue, types), 1)
      assert.deepStrictEqual(entries.at(-1), {
        runId: run.dispatch.id,
        notBeforeMillis: yield* Clock.currentTimeMillis
      })
      yield* gate.cancel(run.dispatch.id, { kind: "system", id: null })
      assert.strictEqual(yield* remind(queue, types), 0)
    }).pipe(Effect.provide(layerBench))
  )
})
