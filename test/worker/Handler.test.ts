/** Handlers: whatever they do, their run comes to a clear end and nobody else is harmed. */
import {
  AuditLog,
  Catalogue,
  type Counts,
  nextStepsFor,
  Operation,
  RESULT_TOO_LARGE,
  type Run,
  type RunFailure
} from "@countersign/domain"
import { AttemptFailed, Countersign, type Handle, Handler, handlersByType, PartialSuccess } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Logger, Ref, Schema } from "effect"
import {
  actionsOf,
  Delivered,
  find,
  findAs,
  freshScope,
  Logged,
  layerBench,
  pass,
  startWorker
} from "./support/bench.ts"
import { byAda, settle } from "./support/world.ts"

const TIMEOUT_MILLIS = 10_000

const task = Operation.make({
  type: "task",
  payload: Schema.Json,
  result: Schema.Json,
  countKeys: ["seen", "deleted"],
  attempts: { maxAttempts: 3, timeoutMillis: TIMEOUT_MILLIS, backoffMillis: 100, backoffMaxMillis: 1_000 }
})
const counted = Operation.make({ type: "counted", payload: Schema.Json, result: Schema.Struct({ items: Schema.Int }) })
const silent = Operation.make({ type: "silent", payload: Schema.Json, result: Schema.Void })
const measured = Operation.make({ type: "measured", payload: Schema.Json, result: Schema.Number })
const gettered = Operation.make({ type: "gettered", payload: Schema.Json, result: Schema.Struct({ a: Schema.String }) })

const catalogue = Catalogue.make([task, counted, silent, measured, gettered])
const layerGate = Countersign.layer({ catalogue }).pipe(Layer.provideMerge(layerBench))

/** Lets this handler do one run to its end; answers with the run and how often the handler was called. */
const done = Effect.fnUntraced(function* <Value, E>(
  operation: Operation<Schema.Json, Value>,
  handle: Handle<Schema.Json, Value, E, never>,
  forMillis = 5_000
) {
  yield* settle
  const gate = yield* Countersign
  const { run } = yield* gate.dispatch({ ...byAda, operation, payload: freshScope() })
  const calls = yield* Ref.make(0)
  const handler = Handler.make(operation, (payload, context) =>
    Effect.andThen(
      Ref.update(calls, (n) => n + 1),
      Effect.suspend(() => handle(payload, context))
    )
  )
  yield* startWorker([handler], { catalogue, pollMillis: 100 })
  yield* pass(forMillis)
  return { run: yield* gate.find(run.dispatch.id), calls: yield* Ref.get(calls) }
})

const failureIn = (run: Run): RunFailure => (run._tag === "Failed" ? run.failure : assert.fail(`it is ${run._tag}`))

/** What a caller without types might return. */
const untyped = (value: unknown): Effect.Effect<Schema.Json> => Effect.sync(() => Object(value).value)

const deep = (levels: number): Schema.Json => {
  let value: Schema.Json = 0
  for (let level = 0; level < levels; level += 1) value = [value]
  return value
}

const SECRET = "token=s3cr3t"

describe("a handler that breaks", () => {
  const breaks: ReadonlyArray<readonly [string, Handle<Schema.Json, Schema.Json, unknown, never>, string]> = [
    ["fails with an error", () => Effect.failSync((): unknown => new Error(SECRET)), "handler.failed"],
    ["fails with a text", () => Effect.fail(SECRET), "handler.failed"],
    ["fails with nothing", () => Effect.fail(undefined), "handler.failed"],
    ["dies", () => Effect.die(new Error(SECRET)), "handler.died"],
    ["interrupts itself", () => Effect.interrupt, "handler.died"],
    [
      "throws before it has begun",
      () => {
        throw new Error(SECRET)
      },
      "handler.died"
    ],
    ["breaks while it cleans up", () => Effect.ensuring(Effect.succeed(1), Effect.die(SECRET)), "handler.died"],
    ["has a child that dies", () => Effect.flatMap(Effect.forkChild(Effect.die(SECRET)), Fiber.join), "handler.died"]
  ]
  for (const [what, handle, code] of breaks) {
    it.effect(`${what}: every attempt is made, then it ends as ${code}, and its words stay with us`, () =>
      Effect.gen(function* () {
        const { run, calls } = yield* done(task, handle)
        assert.strictEqual(failureIn(run).code, code)
        assert.strictEqual(calls, 3)
        assert.strictEqual(run.attempt, 3)
        const records = yield* (yield* AuditLog).recordsOf(run.dispatch.id)
        const { notices } = yield* Delivered
        assert.deepStrictEqual([records.at(-1)?.code, notices.length], [code, 1])
        for (const kept of [run, records, notices]) assert.notInclude(JSON.stringify(kept), "s3cr3t")
      }).pipe(Effect.provide(layerGate))
    )
  }

  const layerBrokenLog = Logger.layer([
    Logger.make(() => {
      throw new Error("the log is broken")
    })
  ])
  for (const [what, handle] of [
    ["fails", () => Effect.fail(SECRET)],
    ["dies", () => Effect.die(SECRET)],
    ["logs", () => Effect.andThen(Effect.logInfo("here"), Effect.fail(SECRET))]
  ] as const) {
    it.effect(`${what} where the host's own logger throws: every attempt is settled as ever`, () =>
      Effect.gen(function* () {
        const { run, calls } = yield* done(task, handle)
        assert.deepStrictEqual([run._tag, run.attempt, calls], ["Failed", 3, 3])
      }).pipe(Effect.provide(Layer.provideMerge(layerBrokenLog, layerGate)))
    )
  }

  it.effect("says so itself, and asks for another attempt", () =>
    Effect.gen(function* () {
      const { run, calls } = yield* done(task, () =>
        Effect.fail(new AttemptFailed({ code: "provider.busy", message: "The provider is busy.", retry: true }))
      )
      assert.deepStrictEqual(failureIn(run), { code: "provider.busy", message: "The provider is busy." })
      assert.strictEqual(calls, 3)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("says that no attempt will help, and gets none", () =>
    Effect.gen(function* () {
      const { run, calls } = yield* done(task, () =>
        Effect.fail(new AttemptFailed({ code: "gone", message: "It is gone.", retry: false }))
      )
      assert.strictEqual(failureIn(run).code, "gone")
      assert.strictEqual(calls, 1)
      assert.strictEqual(run.attempt, 1)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("says too much, and is cut to what can be stored and shown on one line", () =>
    Effect.gen(function* () {
      const { run } = yield* done(task, () =>
        Effect.fail(new AttemptFailed({ code: "x", message: `a\u0000b\r\nc\uD800${"😀".repeat(1_000)}`, retry: false }))
      )
      const { message } = failureIn(run)
      assert.isTrue(message.startsWith("a b c\uFFFD😀"), message.slice(0, 10))
      assert.isAtMost(message.length, 500)
      assert.isTrue(message.isWellFormed())
    }).pipe(Effect.provide(layerGate))
  )

  for (const [what, code] of [
    ["U+0000", "a\u0000b"],
    ["half a surrogate pair", "\uD800"],
    ["far too long", "x".repeat(100_000)],
    ["a line break", "a\nb"]
  ] as const) {
    it.effect(`with a code that is ${what} ends under one that can be stored`, () =>
      Effect.gen(function* () {
        const { run } = yield* done(task, () => Effect.fail(new AttemptFailed({ code, message: "m", retry: false })))
        const failure = failureIn(run)
        assert.strictEqual(failure.message, "m")
        assert.match(failure.code, /^\P{Cc}{1,100}$/u)
        assert.isTrue(failure.code.isWellFormed())
      }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("succeeds at the third attempt, and is told which it is", () =>
    Effect.gen(function* () {
      const { run, calls } = yield* done(task, (_, { attempt }) =>
        attempt < 3 ? Effect.fail("not yet") : Effect.succeed({ attempt })
      )
      assert.strictEqual(calls, 3)
      assert.isTrue(run._tag === "Succeeded")
      if (run._tag === "Succeeded") assert.deepStrictEqual(run.result, { attempt: 3 })
      assert.deepStrictEqual(
        (yield* actionsOf(run.dispatch.id)).filter((action) => action !== "run.decided"),
        [
          "run.dispatched",
          "run.started",
          "run.attempt_failed",
          "run.started",
          "run.attempt_failed",
          "run.started",
          "run.succeeded"
        ]
      )
    }).pipe(Effect.provide(layerGate))
  )
})

describe("a handler that hangs", () => {
  it.effect("is interrupted when its time is over, its finalizers run, and another attempt is made", () =>
    Effect.gen(function* () {
      const cleanedAt: Array<number> = []
      const { run, calls } = yield* done(
        task,
        () =>
          Effect.onInterrupt(Effect.never, () =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              cleanedAt.push(now)
            })
          ),
        3 * TIMEOUT_MILLIS + 5_000
      )
      assert.strictEqual(failureIn(run).code, "handler.timed_out")
      assert.strictEqual(calls, 3)
      assert.strictEqual(cleanedAt.length, 3)
      assert.isAtLeast(cleanedAt[0] ?? 0, TIMEOUT_MILLIS)
      assert.isAtMost(cleanedAt[0] ?? 0, TIMEOUT_MILLIS + 200)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is waited for while it cleans up: no other attempt begins before that is done", () =>
    Effect.gen(function* () {
      const steps: Array<string> = []
      const step = (name: string) =>
        Effect.sync(() => {
          steps.push(name)
        })
      yield* done(
        task,
        () =>
          Effect.andThen(
            step("begun"),
            Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(5_000), step("cleaned up")))
          ),
        2 * TIMEOUT_MILLIS + 15_000
      )
      assert.deepStrictEqual(steps, ["begun", "cleaned up", "begun", "cleaned up", "begun"])
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("and whose cleaning up fails is timed out all the same", () =>
    Effect.gen(function* () {
      const { run } = yield* done(
        task,
        () => Effect.onInterrupt(Effect.never, () => Effect.die("cannot clean up")),
        3 * TIMEOUT_MILLIS + 5_000
      )
      assert.strictEqual(run._tag, "Failed")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("does not keep others from their turn", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const ids: Array<Run["dispatch"]["id"]> = []
      for (let at = 0; at < 20; at += 1) {
        const { run } = yield* gate.dispatch({ ...byAda, operation: task, payload: at })
        ids.push(run.dispatch.id)
      }
      const handler = Handler.make(task, (payload) => (payload === 0 ? Effect.never : Effect.succeed(payload)))
      yield* startWorker([handler], { catalogue, concurrency: 2, pollMillis: 100 })
      yield* pass(1_000)
      const states = yield* Effect.forEach(ids, find)
      assert.strictEqual(states.filter(({ _tag }) => _tag === "Succeeded").length, 19)
    }).pipe(Effect.provide(layerGate))
  )
})

describe("a result", () => {
  it.effect("of nothing is stored as null", () =>
    Effect.gen(function* () {
      const { run } = yield* done(silent, () => Effect.void)
      assert.isTrue(run._tag === "Succeeded" && run.result === null)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is stored as its JSON", () =>
    Effect.gen(function* () {
      const { run } = yield* done(task, () => Effect.succeed({ a: [1, "é😀", null, { b: true }] }))
      assert(run._tag === "Succeeded")
      assert.deepStrictEqual(run.result, { a: [1, "é😀", null, { b: true }] })
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that is no number is stored as its operation says", () =>
    Effect.gen(function* () {
      const { run } = yield* done(measured, () => Effect.succeed(Number.NaN))
      assert.isTrue(run._tag === "Succeeded" && run.result === "NaN")
    }).pipe(Effect.provide(layerGate))
  )

  const nonsense: ReadonlyArray<readonly [string, Effect.Effect<Schema.Json>]> = [
    ["that is undefined", untyped({ value: undefined })],
    ["that is NaN", Effect.succeed(Number.NaN)],
    ["with infinity", Effect.succeed([Number.POSITIVE_INFINITY])],
    ["that is a function", untyped({ value: () => 1 })],
    ["that is a bigint", untyped({ value: 1n })],
    ["that is a map", untyped({ value: new Map() })],
    ["with U+0000", Effect.succeed("a\u0000b")],
    ["with U+0000 in a key", Effect.succeed({ "\u0000": 1 })],
    ["with half a surrogate pair", Effect.succeed(["\uD800"])],
    ["of ten thousand levels", Effect.succeed(deep(10_000))],
    [
      "that contains itself",
      untyped({
        get value() {
          const ring: Array<unknown> = []
          ring.push(ring)
          return ring
        }
      })
    ]
  ]
  for (const [what, value] of nonsense) {
    it.effect(`${what} ends its run as failed, and its work is not done again`, () =>
      Effect.gen(function* () {
        const { run, calls } = yield* done(task, () => value)
        assert.strictEqual(failureIn(run).code, "handler.invalid_result")
        assert.strictEqual(calls, 1)
      }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("of the wrong shape ends its run as failed, and its work is not done again", () =>
    Effect.gen(function* () {
      const { run, calls } = yield* done(counted, () => Effect.succeed({ items: 1.5 }))
      assert.strictEqual(failureIn(run).code, "handler.invalid_result")
      assert.strictEqual(calls, 1)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("that throws when it is read ends its run as failed, and its work is not done again", () =>
    Effect.gen(function* () {
      const { run, calls } = yield* done(gettered, () =>
        Effect.sync(() => ({
          get a(): string {
            throw new Error(SECRET)
          }
        }))
      )
      assert.strictEqual(failureIn(run).code, "handler.invalid_result")
      assert.strictEqual(calls, 1)
      assert.notInclude(JSON.stringify(run), "s3cr3t")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("a result that is too large", () => {
  /** So many bytes of JSON, quotes included. */
  const text = (bytes: number) => "x".repeat(bytes - 2)
  const TOO_LARGE =
    /^The work is done, but its result is not kept: it has 65537 bytes of JSON, at most 65536 are kept\.$/

  it.effect("is left out: the run has partially succeeded and says why, and its work is not done again", () =>
    Effect.gen(function* () {
      const { run, calls } = yield* done(task, () => Effect.succeed(text(65_537)))
      if (run._tag !== "PartiallySucceeded") return assert.fail(`it is ${run._tag}`)
      assert.isNull(run.result)
      assert.deepStrictEqual(
        run.failures.map(({ code }) => code),
        [RESULT_TOO_LARGE]
      )
      assert.match(run.failures[0].message, TOO_LARGE)
      assert.match(nextStepsFor(run).join(), /^Nothing is to be done again/)
      assert.strictEqual(calls, 1)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("by a byte less is kept", () =>
    Effect.gen(function* () {
      const { run } = yield* done(task, () => Effect.succeed(text(65_536)))
      assert.isTrue(run._tag === "Succeeded" && run.result === text(65_536))
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("of a partial success is left out beside what went wrong", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 30 }, (_, at) => ({ code: `locked-${at}`, message: "It is locked." }))
      const [first = { code: "", message: "" }, ...others] = many
      const { run } = yield* done(task, () => Effect.succeed(new PartialSuccess(text(65_537), [first, ...others])))
      if (run._tag !== "PartiallySucceeded") return assert.fail(`it is ${run._tag}`)
      assert.isNull(run.result)
      assert.deepStrictEqual(run.failures.slice(0, -1), many.slice(0, 19))
      assert.strictEqual(run.failures.at(-1)?.code, RESULT_TOO_LARGE)
      assert.match(nextStepsFor(run).join(), /^Look at what failed/)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is what the worker's host says it is", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const { run } = yield* gate.dispatch({ ...byAda, operation: task, payload: "small" })
      const handler = Handler.make(task, () => Effect.succeed(text(11)))
      yield* startWorker([handler], { catalogue, resultMaxBytes: 10 })
      yield* pass(1_000)
      assert.strictEqual((yield* find(run.dispatch.id))._tag, "PartiallySucceeded")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("a partial success", () => {
  it.effect("keeps its value and what went wrong", () =>
    Effect.gen(function* () {
      const { run } = yield* done(task, () =>
        Effect.succeed(
          new PartialSuccess({ deleted: 2 }, [
            { code: "locked", message: "One\nis locked." },
            { code: "gone", message: "One is gone." }
          ])
        )
      )
      if (run._tag !== "PartiallySucceeded") return assert.fail(`it is ${run._tag}`)
      assert.deepStrictEqual(run.result, { deleted: 2 })
      assert.deepStrictEqual(run.failures, [
        { code: "locked", message: "One is locked." },
        { code: "gone", message: "One is gone." }
      ])
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("of nothing that went wrong is a result nobody understands", () =>
    Effect.gen(function* () {
      const none: ReadonlyArray<RunFailure> = []
      const { run, calls } = yield* done(task, () =>
        Effect.sync(() => Object.assign(new PartialSuccess(1, [{ code: "a", message: "b" }]), { failures: none }))
      )
      assert.strictEqual(failureIn(run).code, "handler.invalid_result")
      assert.strictEqual(calls, 1)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("with a failure without a code can still be read", () =>
    Effect.gen(function* () {
      const { run } = yield* done(task, () => Effect.succeed(new PartialSuccess(1, [{ code: "", message: "m" }])))
      if (run._tag !== "PartiallySucceeded") return assert.fail(`it is ${run._tag}`)
      assert.isAbove(run.failures[0].code.length, 0)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("of a value that cannot be stored is a result nobody understands", () =>
    Effect.gen(function* () {
      const { run } = yield* done(task, () =>
        Effect.succeed(new PartialSuccess("\u0000", [{ code: "a", message: "b" }]))
      )
      assert.strictEqual(failureIn(run).code, "handler.invalid_result")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("a payload that no longer decodes", () => {
  it.effect("fails its run without a call, and without its content", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const { run } = yield* gate.dispatch({ ...byAda, operation: task, payload: { password: SECRET } })
      // The host has since changed what the operation takes.
      const changed = Operation.make({ type: "task", payload: Schema.Struct({ id: Schema.Int }), result: Schema.Json })
      const handler = Handler.make(changed, () => Effect.die("must not be called"))
      yield* startWorker([handler], { catalogue: Catalogue.make([changed]) })
      yield* pass(1_000)
      const failed = yield* findAs(run.dispatch.id, "Failed")
      assert.strictEqual(failed.failure.code, "payload.invalid")
      assert.strictEqual(failed.attempt, 1)
      assert.notInclude(failed.failure.message, "s3cr3t")
      assert.notInclude((yield* Logged).lines.join("\n"), "s3cr3t")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("counts", () => {
  it.effect("are kept with the run, the last ones, as they were when they were reported", () =>
    Effect.gen(function* () {
      const { run } = yield* done(task, (_, context) =>
        Effect.gen(function* () {
          yield* context.reportCounts({ seen: 1 })
          const counts = { deleted: 1 }
          yield* context.reportCounts(counts)
          counts.deleted = Number.NaN
          return null
        })
      )
      if (run._tag !== "Succeeded") return assert.fail(`it is ${run._tag}`)
      assert.deepStrictEqual(run.counts, { deleted: 1 })
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("are kept over attempts", () =>
    Effect.gen(function* () {
      const { run } = yield* done(task, (_, context) =>
        context.attempt === 1
          ? Effect.andThen(context.reportCounts({ deleted: 5 }), Effect.fail("broken"))
          : Effect.succeed(null)
      )
      if (run._tag !== "Succeeded") return assert.fail(`it is ${run._tag}`)
      assert.deepStrictEqual(run.counts, { deleted: 5 })
    }).pipe(Effect.provide(layerGate))
  )

  const untypedCounts = (counts: unknown): Counts => Object(counts)
  for (const counts of [
    { deleted: 0.5 },
    { deleted: Number.NaN },
    { deleted: 2 ** 53 },
    { "a\u0000": 1 },
    { "\uD800": 1 },
    untypedCounts({ deleted: "1" }),
    { stolen: 1 },
    { deleted: 2, stolen: 1 },
    { constructor: 1 }
  ]) {
    it.effect(`${JSON.stringify(counts)} fails the run for good, and leaves its record as it was`, () =>
      Effect.gen(function* () {
        const { run, calls } = yield* done(task, (_, context) =>
          Effect.andThen(
            context.reportCounts({ deleted: 1 }),
            Effect.andThen(context.reportCounts(counts), Effect.succeed(null))
          )
        )
        if (run._tag !== "Failed") return assert.fail(`it is ${run._tag}`)
        assert.strictEqual(run.failure.code, "handler.invalid_counts")
        assert.strictEqual(calls, 1)
        assert.deepStrictEqual(run.counts, { deleted: 1 })
      }).pipe(Effect.provide(layerGate))
    )
  }
})

describe("handlersByType", () => {
  it("finds each by its operation, and refuses two for one", () => {
    const one = Handler.make(task, () => Effect.succeed(null))
    const other = Handler.make(silent, () => Effect.void)
    const catalogue = Catalogue.make([one.operation, other.operation])
    assert.strictEqual(handlersByType([one, other], catalogue).get(task.type), one)
    assert.throws(() => handlersByType([one, other, one], catalogue), RangeError, "task")
    assert.throws(
      () => handlersByType([one, other], Catalogue.make([one.operation])),
      RangeError,
      "not among the operations"
    )
  })
})
