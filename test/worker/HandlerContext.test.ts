/** The checkpoint: between two chunks of work the handler asks again, and never goes on without an answer. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { AuditLog, Fence, step } from "@countersign/domain"
import { Countersign, Handler, type HandlerContext, inventorySync } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import {
  actionsOf,
  admittedBy,
  defined,
  dispatchSync,
  find,
  findAs,
  layerBench,
  pass,
  settleDown,
  startWorker,
  writing
} from "./support/bench.ts"
import { away, calm, type StoreCall, Trouble, unreadableFacts } from "./support/unruly.ts"
import { ada, manager, readonly, settle, tenantId, workspaceId } from "./support/world.ts"

/** A handler that waits for a word between its chunks of work, and what it did. */
const chunked = Effect.gen(function* () {
  yield* settle
  const go = yield* Deferred.make<void>()
  const did: Array<string> = []
  const handler = Handler.make(inventorySync, (_, context) =>
    Effect.gen(function* () {
      did.push("began")
      yield* context.reportCounts({ items: 1 })
      yield* Deferred.await(go)
      did.push("asks")
      yield* context.checkpoint
      did.push("went on")
      return { items: 2 }
    }).pipe(Effect.onInterrupt(() => Effect.sync(() => did.push("stopped"))))
  )
  const id = yield* dispatchSync
  const started = yield* startWorker([handler], { leaseMillis: 30_000 })
  yield* settleDown
  assert.deepStrictEqual(did, ["began"])
  return { id, did, ask: Effect.andThen(Deferred.succeed(go, undefined), settleDown), ...started }
})

const loseTheRole = Effect.flatMap(AuthorityBook, (book) => book.setMembership(workspaceId, ada, readonly))
const regainTheRole = Effect.flatMap(AuthorityBook, (book) => book.setMembership(workspaceId, ada, manager))

describe("the checkpoint", () => {
  it.effect("allowed: the work goes on, and the decision is recorded with the facts of that moment", () =>
    Effect.gen(function* () {
      const { id, did, ask } = yield* chunked
      yield* pass(5_000)
      yield* ask
      assert.deepStrictEqual(did, ["began", "asks", "went on"])
      const log = yield* AuditLog
      const decisions = yield* log.decisionsOf(id)
      assert.deepStrictEqual(
        decisions.map(({ decision, admission, decidedAtMillis }) => [decision._tag, admission, decidedAtMillis]),
        [
          ["Allowed", 1, 0],
          ["Allowed", 1, 5_000]
        ]
      )
      assert.deepStrictEqual(yield* actionsOf(id), [
        "run.dispatched",
        "run.decided",
        "run.started",
        "run.decided",
        "run.succeeded"
      ])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("revoked: the run is blocked with its counts, and the handler takes no further step", () =>
    Effect.gen(function* () {
      const { id, did, ask, worker } = yield* chunked
      yield* loseTheRole
      yield* ask
      yield* pass(60_000, 1_000)
      assert.deepStrictEqual(did, ["began", "asks", "stopped"])
      const run = yield* findAs(id, "Blocked")
      assert.strictEqual(run.legitimacy.reason_code, "missing_capability")
      assert.deepStrictEqual(run.counts, { items: 1 })
      assert.isNotNull(run.startedAtMillis)
      assert.strictEqual(yield* worker.atWork, 0)
      assert.deepStrictEqual((yield* actionsOf(id)).slice(-2), ["run.decided", "run.revoked"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("while the workspace's authority is being changed there is no answer: it waits, and asks again", () =>
    Effect.gen(function* () {
      const fence = yield* Fence
      let isBeingChanged = false
      const changing = Fence.of({
        take: (workspaces) => (isBeingChanged ? Effect.succeed(new Map()) : fence.take(workspaces))
      })
      const { id, did, ask } = yield* Effect.provideService(chunked, Fence, changing)
      isBeingChanged = true
      yield* ask
      yield* pass(5_000)
      assert.deepStrictEqual(did, ["began", "asks"])
      yield* loseTheRole
      isBeingChanged = false
      yield* pass(1_000)
      assert.deepStrictEqual(did, ["began", "asks", "stopped"])
      yield* findAs(id, "Blocked")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("moved on: cancelled meanwhile, the handler is stopped and reports nothing", () =>
    Effect.gen(function* () {
      const { id, did, ask } = yield* chunked
      const gate = yield* Countersign
      yield* gate.cancel(id, { kind: "human", id: ada })
      const before = yield* actionsOf(id)
      yield* ask
      yield* pass(60_000, 1_000)
      assert.deepStrictEqual(did, ["began", "asks", "stopped"])
      assert.deepStrictEqual(yield* actionsOf(id), before)
      assert.strictEqual((yield* find(id))._tag, "Cancelled")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("moved on: under another admission by now, nothing is decided in its name", () =>
    Effect.gen(function* () {
      const { id, did, ask } = yield* chunked
      const run = yield* findAs(id, "Running")
      const released = yield* Effect.fromResult(
        step(run, { _tag: "Release", admission: run.admission, atMillis: 0, counts: {} })
      )
      yield* writing((store) => store.write([released], null))
      const [again] = yield* admittedBy("another", 60_000)
      assert.strictEqual(defined(again).admission, 2)
      const before = yield* actionsOf(id)
      yield* ask
      assert.deepStrictEqual(did, ["began", "asks", "stopped"])
      assert.deepStrictEqual(yield* actionsOf(id), before)
      assert.strictEqual((yield* findAs(id, "Running")).admission, 2)
    }).pipe(Effect.provide(layerBench))
  )

  for (const [what, trouble] of [
    ["fail", Effect.fail(unreadableFacts)],
    ["break", Effect.die(new Error("broken"))],
    ["interrupt themselves", Effect.interrupt],
    ["never answer", Effect.never]
  ] as const) {
    it.effect(`facts that ${what}: it waits and asks again, never goes on, and acts on the first answer`, () =>
      Effect.gen(function* () {
        const { id, did, ask } = yield* chunked
        const troubles = yield* Trouble
        troubles.beforeFacts = () => trouble
        yield* loseTheRole
        yield* ask
        yield* pass(100_000, 1_000)
        assert.deepStrictEqual(did, ["began", "asks"])
        assert.strictEqual((yield* find(id))._tag, "Running")
        yield* calm
        yield* pass(30_000, 1_000)
        assert.deepStrictEqual(did, ["began", "asks", "stopped"])
        assert.strictEqual((yield* find(id))._tag, "Blocked")
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("a store that is away: it waits, and goes on when the store is back and still allows it", () =>
    Effect.gen(function* () {
      const { did, ask, id } = yield* chunked
      const troubles = yield* Trouble
      troubles.beforeStore = ({ operation }) => (operation === "transact" ? Effect.fail(away()) : Effect.void)
      yield* ask
      yield* pass(20_000, 1_000)
      assert.deepStrictEqual(did, ["began", "asks"])
      yield* calm
      yield* pass(11_000, 1_000)
      assert.deepStrictEqual(did, ["began", "asks", "went on"])
      assert.strictEqual((yield* find(id))._tag, "Succeeded")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("an answer that was lost is asked for again: revoked stays revoked", () =>
    Effect.gen(function* () {
      const { did, ask, id } = yield* chunked
      yield* loseTheRole
      const troubles = yield* Trouble
      let lost = 0
      troubles.afterStore = ({ operation }) => {
        if (operation !== "transact" || lost > 0) return Effect.void
        lost += 1
        return Effect.fail(away())
      }
      yield* ask
      yield* regainTheRole
      yield* pass(5_000)
      assert.deepStrictEqual(did, ["began", "asks", "stopped"])
      assert.strictEqual((yield* find(id))._tag, "Blocked")
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("while it waits for facts, the worker can be stopped and gives the run back", () =>
    Effect.gen(function* () {
      const { did, ask, id, stop } = yield* chunked
      const troubles = yield* Trouble
      troubles.beforeFacts = () => Effect.fail(unreadableFacts)
      yield* ask
      yield* pass(1_000)
      yield* stop
      assert.deepStrictEqual(did, ["began", "asks", "stopped"])
      const run = yield* findAs(id, "Queued")
      assert.strictEqual(run.attempt, 1)
      assert.deepStrictEqual(run.counts, { items: 1 })
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("asked by many children at once, all go on or none", () =>
    Effect.gen(function* () {
      yield* settle
      const wentOn: Array<number> = []
      const handler = Handler.make(inventorySync, (_, context) =>
        Effect.gen(function* () {
          yield* Effect.forEach(
            Array.from({ length: 20 }, (_, at) => at),
            (at) =>
              Effect.andThen(
                context.checkpoint,
                Effect.sync(() => wentOn.push(at))
              ),
            { concurrency: "unbounded" }
          )
          yield* Effect.orDie(loseTheRole)
          yield* Effect.forEach(
            Array.from({ length: 20 }, (_, at) => at),
            (at) =>
              Effect.andThen(
                context.checkpoint,
                Effect.sync(() => wentOn.push(100 + at))
              ),
            { concurrency: "unbounded" }
          )
          return { items: 0 }
        })
      )
      const id = yield* dispatchSync
      yield* startWorker([handler])
      yield* pass(5_000)
      assert.strictEqual(wentOn.length, 20)
      assert.isBelow(Math.max(...wentOn), 20)
      assert.strictEqual((yield* find(id))._tag, "Blocked")
      assert.strictEqual((yield* actionsOf(id)).filter((action) => action === "run.revoked").length, 1)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("knows the run, its target and its initiator", () =>
    Effect.gen(function* () {
      yield* settle
      const contexts: Array<HandlerContext> = []
      const handler = Handler.make(inventorySync, (_, context) =>
        Effect.sync(() => {
          contexts.push(context)
          return { items: 0 }
        })
      )
      const id = yield* dispatchSync
      yield* startWorker([handler])
      yield* settleDown
      assert.deepInclude(contexts[0], { runId: id, workspaceId, tenantId, initiator: ada, attempt: 1 })
    }).pipe(Effect.provide(layerBench))
  )
})

describe("a chunk", () => {
  it.effect("is finished before the handler is stopped, whatever became of the run meanwhile", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const go = yield* Deferred.make<void>()
      const did: Array<string> = []
      const note = (what: string) => Effect.sync(() => void did.push(what))
      const handler = Handler.make(inventorySync, ({ scope }, { chunk }) =>
        chunk(Effect.andThen(Deferred.await(go), note("the chunk"))).pipe(
          Effect.andThen(note(`went on with ${scope}`)),
          Effect.onInterrupt(() => note("stopped")),
          Effect.as({ items: 1 })
        )
      )
      const id = yield* dispatchSync
      yield* startWorker([handler], { leaseMillis: 30_000 })
      yield* settleDown
      yield* gate.cancel(id, { kind: "human", id: ada })
      yield* pass(20_000, 1_000)
      assert.deepStrictEqual(did, [])
      yield* Deferred.succeed(go, undefined)
      yield* pass(1_000)
      assert.deepStrictEqual(did, ["the chunk", "stopped"])
      yield* findAs(id, "Cancelled")
    }).pipe(Effect.provide(layerBench))
  )
})

describe("chunks side by side", () => {
  it.effect("a run that is to be blocked waits for the chunks in progress, and keeps what they counted", () =>
    Effect.gen(function* () {
      yield* settle
      const slowEnds = yield* Deferred.make<void>()
      const quickEnds = yield* Deferred.make<void>()
      const did: Array<string> = []
      const handler = Handler.make(inventorySync, (_, { chunk, reportCounts }) =>
        Effect.gen(function* () {
          const quick = chunk(Effect.andThen(Deferred.await(quickEnds), reportCounts({ items: 1 })))
          const slow = chunk(Effect.andThen(Deferred.await(slowEnds), reportCounts({ items: 2 })))
          const goingOn = (name: string) => Effect.sync(() => did.push(name))
          yield* Effect.all([Effect.tap(quick, () => goingOn("quick")), Effect.tap(slow, () => goingOn("slow"))], {
            concurrency: "unbounded"
          })
          return { items: 2 }
        })
      )
      const id = yield* dispatchSync
      const { worker } = yield* startWorker([handler], { leaseMillis: 30_000 })
      yield* settleDown
      yield* loseTheRole
      yield* Deferred.succeed(quickEnds, undefined)
      yield* pass(20_000)
      assert.strictEqual((yield* find(id))._tag, "Running")
      yield* Deferred.succeed(slowEnds, undefined)
      yield* pass(1_000)
      assert.deepStrictEqual((yield* findAs(id, "Blocked")).counts, { items: 2 })
      assert.deepStrictEqual(did, [])
      assert.strictEqual(yield* worker.atWork, 0)
    }).pipe(Effect.provide(layerBench))
  )
})

describe("inside a chunk", () => {
  /** A handler whose chunk goes on when it is told to, with this in it; what it did. */
  const chunking = Effect.fnUntraced(function* (inner: (context: HandlerContext) => Effect.Effect<void>) {
    yield* settle
    const go = yield* Deferred.make<void>()
    const did: Array<string> = []
    const handler = Handler.make(inventorySync, (_, context) =>
      Effect.gen(function* () {
        yield* context.chunk(
          Effect.gen(function* () {
            yield* Deferred.await(go)
            yield* inner(context)
            yield* Effect.orDie(context.reportCounts({ items: 3 }))
            did.push("finished")
          })
        )
        did.push("went on")
        return { items: 3 }
      })
    )
    const id = yield* dispatchSync
    const { worker } = yield* startWorker([handler])
    yield* settleDown
    yield* loseTheRole
    yield* Deferred.succeed(go, undefined)
    yield* pass(1_000)
    return { id, did, worker }
  })

  for (const [what, inner] of [
    ["a checkpoint", ({ checkpoint }: HandlerContext) => checkpoint],
    ["another chunk", ({ chunk }: HandlerContext) => chunk(Effect.void)]
  ] as const) {
    it.effect(`${what} does not wait for what is asked when the chunk is over`, () =>
      Effect.gen(function* () {
        const { id, did, worker } = yield* chunking(inner)
        assert.deepStrictEqual(did, ["finished"])
        assert.deepStrictEqual((yield* findAs(id, "Blocked")).counts, { items: 3 })
        assert.strictEqual(yield* worker.atWork, 0)
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("what is begun in the background and outlasts it asks for itself", () =>
    Effect.gen(function* () {
      const later: Array<string> = []
      const { did } = yield* chunking(({ checkpoint }) =>
        Effect.sleep(100).pipe(
          Effect.andThen(checkpoint),
          Effect.andThen(Effect.sync(() => later.push("went on"))),
          Effect.forkDetach,
          Effect.asVoid
        )
      )
      assert.deepStrictEqual(did, ["finished"])
      assert.deepStrictEqual(later, [])
    }).pipe(Effect.provide(layerBench))
  )
})

describe("a chunk that would begin while its run is being blocked", () => {
  const given = Effect.gen(function* () {
    yield* settle
    const go = yield* Deferred.make<void>()
    const did: Array<string> = []
    const handler = Handler.make(inventorySync, (_, { chunk }) =>
      Effect.gen(function* () {
        yield* Deferred.await(go)
        yield* chunk(Effect.sync(() => did.push("chunk")))
        return { items: 1 }
      })
    )
    const id = yield* dispatchSync
    yield* startWorker([handler], { leaseMillis: 3_000 })
    yield* settleDown
    yield* loseTheRole
    const trouble = yield* Trouble
    return { id, did, trouble, begin: Deferred.succeed(go, undefined) }
  })
  const blocks = ({ operation, steps }: StoreCall) =>
    operation === "write" && steps.some(({ after }) => after._tag === "Blocked")

  it.effect("does not begin", () =>
    Effect.gen(function* () {
      const { id, did, trouble, begin } = yield* given
      trouble.beforeStore = (call) => (blocks(call) ? Effect.sleep(500) : Effect.void)
      yield* pass(1_200)
      yield* begin
      yield* pass(2_000)
      yield* findAs(id, "Blocked")
      assert.deepStrictEqual(did, [])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("begins when that was undone and another decision allows it", () =>
    Effect.gen(function* () {
      const { id, did, trouble, begin } = yield* given
      trouble.beforeStore = (call) => (blocks(call) ? Effect.fail(away()) : Effect.void)
      yield* pass(1_200)
      yield* begin
      yield* pass(2_000)
      assert.deepStrictEqual(did, [])
      yield* regainTheRole
      yield* pass(3_000)
      assert.deepStrictEqual(did, ["chunk"])
      yield* findAs(id, "Succeeded")
    }).pipe(Effect.provide(layerBench))
  )
})
