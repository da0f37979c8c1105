/** Async functions as handlers: told when to stop, and never able to bring the process down. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { Catalogue, type Counts, Operation, type Run } from "@countersign/domain"
import { AttemptFailed, Countersign, PromiseHandler, type PromiseHandlerContext } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { find, findAs, freshScope, layerBench, pass, startWorker } from "./support/bench.ts"
import { Trouble, unreadableFacts } from "./support/unruly.ts"
import { ada, byAda, settle, workspaceId } from "./support/world.ts"

const task = Operation.make({
  type: "task",
  payload: Schema.Json,
  result: Schema.Json,
  countKeys: ["items"],
  attempts: { maxAttempts: 2, timeoutMillis: 5_000, backoffMillis: 100, backoffMaxMillis: 100 }
})
const catalogue = Catalogue.make([task])
const layerGate = Countersign.layer({ catalogue }).pipe(Layer.provideMerge(layerBench))

/** Lets real callbacks happen, and then whatever they brought about. */
const breathe = Effect.gen(function* () {
  for (let turn = 0; turn < 5; turn += 1) {
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    yield* TestClock.adjust(0)
  }
})

const passing = Effect.fnUntraced(function* (millis: number) {
  for (let passed = 0; passed < millis; passed += 100) {
    yield* pass(100)
    yield* breathe
  }
})

/** Every rejection that nobody handled while this test ran. */
const unhandled = Effect.acquireRelease(
  Effect.sync(() => {
    const seen: Array<unknown> = []
    const note = (reason: unknown) => {
      seen.push(reason)
    }
    const others = process.listeners("unhandledRejection")
    process.removeAllListeners("unhandledRejection")
    process.on("unhandledRejection", note)
    return { seen, note, others }
  }),
  ({ note, others }) =>
    Effect.sync(() => {
      process.off("unhandledRejection", note)
      for (const other of others) process.on("unhandledRejection", other)
    })
)

const working = Effect.fnUntraced(function* (
  handle: (payload: Schema.Json, context: PromiseHandlerContext) => Promise<Schema.Json>
) {
  yield* settle
  const gate = yield* Countersign
  const { run } = yield* gate.dispatch({ ...byAda, operation: task, payload: freshScope() })
  const started = yield* startWorker([PromiseHandler.fromPromise(task, handle)], {
    catalogue,
    pollMillis: 100,
    leaseMillis: 1_000
  })
  yield* passing(100)
  return { id: run.dispatch.id, ...started }
})

const failureIn = (run: Run) => (run._tag === "Failed" ? run.failure : assert.fail(`it is ${run._tag}`))

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("stopped")))
  })

describe("an async handler", () => {
  it.effect("returns its result", () =>
    Effect.gen(function* () {
      const { id } = yield* working(async (_, context) => {
        await context.reportCounts({ items: 3 })
        await context.checkpoint()
        return { attempt: context.attempt, initiator: context.initiator }
      })
      const run = yield* findAs(id, "Succeeded")
      assert.deepStrictEqual(run.result, { attempt: 1, initiator: ada })
      assert.deepStrictEqual(run.counts, { items: 3 })
    }).pipe(Effect.provide(layerGate))
  )

  it.effect(
    "finishes a chunk though its authority is lost meanwhile, and is stopped right after it with its counts",
    () =>
      Effect.gen(function* () {
        let finish = () => {}
        const did: Array<string> = []
        const { id, stop } = yield* working(async (_, { chunk, reportCounts, signal }) => {
          await chunk(async () => {
            await new Promise<void>((resolve) => {
              finish = resolve
            })
            did.push(signal.aborted ? "broken off" : "finished")
            await reportCounts({ items: 5 })
          })
          did.push("went on")
          return null
        })
        yield* (yield* AuthorityBook).removeMembership(workspaceId, ada)
        yield* passing(2_000)
        finish()
        yield* passing(500)
        assert.deepStrictEqual(did, ["finished"])
        assert.deepStrictEqual((yield* findAs(id, "Blocked")).counts, { items: 5 })
        yield* stop
      }).pipe(Effect.provide(layerGate))
  )

  it.effect("may ask inside a chunk, and is not kept waiting there", () =>
    Effect.gen(function* () {
      let finish = () => {}
      const did: Array<string> = []
      const { id } = yield* working(async (_, { checkpoint, chunk }) => {
        await chunk(async () => {
          await new Promise<void>((resolve) => {
            finish = resolve
          })
          await checkpoint()
          await chunk(async () => did.push("inner"))
          did.push("finished")
        })
        did.push("went on")
        return null
      })
      yield* (yield* AuthorityBook).removeMembership(workspaceId, ada)
      finish()
      yield* passing(500)
      assert.deepStrictEqual(did, ["inner", "finished"])
      yield* findAs(id, "Blocked")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is given what a chunk gives, and what it is rejected with", () =>
    Effect.gen(function* () {
      const { id } = yield* working(async (_, { chunk }) => {
        const failed = await chunk(() => Promise.reject(new Error("not today"))).catch(String)
        return [await chunk(async () => 7), failed]
      })
      assert.deepStrictEqual((yield* findAs(id, "Succeeded")).result, [7, "Error: not today"])
    }).pipe(Effect.provide(layerGate))
  )

  for (const [what, handle, code] of [
    ["rejects", () => Promise.reject(new Error("token=s3cr3t")), "handler.failed"],
    ["rejects with nothing", () => Promise.reject(), "handler.failed"],
    [
      "throws before its promise",
      () => {
        throw new Error("token=s3cr3t")
      },
      "handler.failed"
    ],
    [
      "rejects with a reason",
      () => Promise.reject(new AttemptFailed({ code: "busy", message: "Busy.", retry: true })),
      "busy"
    ]
  ] as const) {
    it.effect(`that ${what} has a failed attempt, and another`, () =>
      Effect.gen(function* () {
        let calls = 0
        const { id } = yield* working(() => {
          calls += 1
          return handle()
        })
        yield* passing(1_000)
        const run = yield* find(id)
        assert.strictEqual(failureIn(run).code, code)
        assert.strictEqual(calls, 2)
        assert.notInclude(JSON.stringify(run), "s3cr3t")
      }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("is told when its time is over", () =>
    Effect.gen(function* () {
      const signals: Array<AbortSignal> = []
      const { id } = yield* working((_, { signal }) => {
        signals.push(signal)
        return aborted(signal)
      })
      yield* passing(4_500)
      assert.deepStrictEqual(
        signals.map((signal) => signal.aborted),
        [false]
      )
      yield* passing(7_000)
      assert.deepStrictEqual(
        signals.map((signal) => signal.aborted),
        [true, true]
      )
      assert.strictEqual(failureIn(yield* find(id)).code, "handler.timed_out")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is told when its run is revoked, and its checkpoint rejects", () =>
    Effect.gen(function* () {
      const did: Array<string> = []
      let ask = () => {}
      const { id } = yield* working(async (_, { signal, checkpoint }) => {
        await new Promise<void>((resolve) => {
          ask = resolve
        })
        await checkpoint().catch(() => {
          did.push(`rejected, aborted: ${signal.aborted}`)
          throw new Error("stopped")
        })
        did.push("went on")
        return null
      })
      const book = yield* AuthorityBook
      yield* book.removeMembership(workspaceId, ada)
      ask()
      yield* passing(1_000)
      assert.deepStrictEqual(did, ["rejected, aborted: true"])
      assert.strictEqual((yield* find(id))._tag, "Blocked")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is told when its run is cancelled", () =>
    Effect.gen(function* () {
      let told: AbortSignal | undefined
      const { id } = yield* working((_, { signal }) => {
        told = signal
        return aborted(signal)
      })
      const gate = yield* Countersign
      yield* gate.cancel(id, { kind: "human", id: ada })
      yield* passing(1_000)
      assert.isTrue(told?.aborted)
      assert.strictEqual((yield* find(id))._tag, "Cancelled")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is told when the worker stops; what it returns afterwards is ignored", () =>
    Effect.gen(function* () {
      let told: AbortSignal | undefined
      let finish: (value: Schema.Json) => void = () => {}
      const { id, stop } = yield* working((_, { signal }) => {
        told = signal
        return new Promise((resolve) => {
          finish = resolve
        })
      })
      yield* stop
      assert.isTrue(told?.aborted)
      finish({ late: true })
      yield* breathe
      const run = yield* findAs(id, "Queued")
      assert.strictEqual(run.attempt, 1)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that rejects after it was stopped leaves no unhandled rejection", () =>
    Effect.gen(function* () {
      const { seen } = yield* unhandled
      let fail: (reason: Error) => void = () => {}
      const { stop } = yield* working(
        () =>
          new Promise((_, reject) => {
            fail = reject
          })
      )
      yield* stop
      fail(new Error("late"))
      yield* breathe
      assert.deepStrictEqual(seen, [])
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that does not wait for its checkpoint leaves no unhandled rejection", () =>
    Effect.gen(function* () {
      const { seen } = yield* unhandled
      const { id, stop } = yield* working((_, { signal, checkpoint, reportCounts }) => {
        void checkpoint()
        const wrong: Counts = { items: 0.5 }
        void reportCounts(wrong)
        return aborted(signal)
      })
      const book = yield* AuthorityBook
      yield* book.removeMembership(workspaceId, ada)
      yield* passing(500)
      yield* stop
      yield* breathe
      assert.deepStrictEqual(seen, [])
      assert.notStrictEqual((yield* find(id))._tag, "Running")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that asks again after its run was stopped is rejected, without another decision", () =>
    Effect.gen(function* () {
      const answers: Array<string> = []
      let askAgain = () => {}
      const { id, stop } = yield* working(async (_, { checkpoint }) => {
        await new Promise<void>((resolve) => {
          askAgain = resolve
        })
        await checkpoint().then(
          () => answers.push("allowed"),
          () => answers.push("rejected")
        )
        return null
      })
      yield* stop
      askAgain()
      yield* breathe
      assert.deepStrictEqual(answers, ["rejected"])
      assert.strictEqual((yield* find(id))._tag, "Queued")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("waits at its checkpoint while facts cannot be read, in the worker's own time", () =>
    Effect.gen(function* () {
      const did: Array<string> = []
      const troubles = yield* Trouble
      const { id } = yield* working(async (_, { checkpoint }) => {
        troubles.beforeFacts = () => Effect.fail(unreadableFacts)
        await checkpoint()
        did.push("went on")
        return null
      })
      yield* passing(1_000)
      assert.deepStrictEqual(did, [])
      troubles.beforeFacts = () => Effect.void
      yield* passing(2_000)
      assert.deepStrictEqual(did, ["went on"])
      assert.strictEqual((yield* find(id))._tag, "Succeeded")
    }).pipe(Effect.provide(layerGate))
  )
})
