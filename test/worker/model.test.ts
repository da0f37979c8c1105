/**
 * The whole worker as a model: whatever people, workers, facts and time do in whatever order, every run comes to an end that
 * its records explain.
 */
import { AuthorityBook } from "@countersign/adapters/testing"
import {
  AuditLog,
  Fence,
  isCompleted,
  Notices,
  type Run,
  type RunId,
  type Running,
  RunStore
} from "@countersign/domain"
import {
  AttemptFailed,
  backupScheduleRun,
  Countersign,
  Handler,
  type HandlerContext,
  inventorySync,
  sampleCatalogue,
  Worker
} from "@countersign/worker"
import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { Delivered, layerBench, settleDown } from "./support/bench.ts"
import { flawOf } from "./support/story.ts"
import { away, calm, layerTrouble, layerUnrulyPorts, Trouble, unreadableFacts } from "./support/unruly.ts"
import { ada, byAda, connectionId, manager, readonly, settle, tenantId, workspaceId } from "./support/world.ts"

const LEASE_MILLIS = 3_000

/** What a handler is told to do next. */
type Word = "checkpoint" | "succeed" | "fail" | "fail for good" | "die"

/** One call of a handler that waits for a word. */
interface Call {
  readonly runId: RunId
  word: Deferred.Deferred<Word>
}

interface StartedWorker {
  readonly scope: Scope.Closeable
  readonly trouble: Trouble["Service"]
}

/** Everything outside the store: what is running, and what was seen. */
class Stage {
  readonly calls = new Set<Call>()
  readonly starts: Array<Running> = []
  readonly workers: Array<StartedWorker> = []
  /** Whether Ada's runs were legitimate at each epoch. */
  readonly legitimateAt = new Map<number, boolean>()
  mayAda = true
  isTenantActive = true
  crashes = 0
  /** Whether an answer of the store was lost: a delivery that could not be noted is made again. */
  lostStore = false
  /** From now on handlers succeed by themselves. */
  isOver = false
}

const layerStage = Layer.merge(layerBench, TestClock.layer())
type Services = Layer.Success<typeof layerStage>

interface Real {
  readonly runtime: ManagedRuntime.ManagedRuntime<Services, never>
  readonly stage: Stage
}

const noteEpoch = Effect.fnUntraced(function* (stage: Stage) {
  const epochs = yield* (yield* Fence).take(new Set([workspaceId]))
  stage.legitimateAt.set(epochs.get(workspaceId) ?? -1, stage.mayAda && stage.isTenantActive)
})

/** Does what it is told, until it is told to come to an end. */
const obeying = (stage: Stage, context: HandlerContext): Effect.Effect<void, AttemptFailed> =>
  Effect.gen(function* () {
    if (stage.isOver) return
    const call: Call = { runId: context.runId, word: yield* Deferred.make<Word>() }
    stage.calls.add(call)
    const word = yield* Effect.ensuring(
      Deferred.await(call.word),
      Effect.sync(() => stage.calls.delete(call))
    )
    switch (word) {
      case "checkpoint":
        yield* context.checkpoint
        return yield* obeying(stage, context)
      case "succeed":
        return
      case "fail":
      case "fail for good":
        return yield* new AttemptFailed({ code: "told.to", message: "It was told to.", retry: word === "fail" })
      case "die":
        return yield* Effect.die(new Error("told to"))
    }
  })

const startWorker = Effect.fnUntraced(function* (stage: Stage) {
  const scope = yield* Scope.make()
  const handlers = [
    Handler.make(inventorySync, (_, context) => Effect.as(obeying(stage, context), { items: 0 })),
    Handler.make(backupScheduleRun, (_, context) => Effect.as(obeying(stage, context), { backedUp: 0 }))
  ]
  const layer = Worker.layer({
    catalogue: sampleCatalogue,
    handlers,
    leaseMillis: LEASE_MILLIS,
    drainMillis: 0,
    concurrency: 3,
    observe: (event) =>
      Effect.sync(() => {
        if (event._tag === "Started") stage.starts.push(event.run)
      })
  }).pipe(Layer.provide(Layer.fresh(layerUnrulyPorts)), Layer.provideMerge(Layer.fresh(layerTrouble)))
  const context = yield* Layer.buildWithScope(layer, scope)
  stage.workers.push({ scope, trouble: Context.get(context, Trouble) })
})

const close = ({ scope }: StartedWorker) =>
  Effect.gen(function* () {
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void))
    yield* settleDown
    return closing
  })

type Act = (stage: Stage) => Effect.Effect<unknown, unknown, Services>

/** A command is what happens; its outcome is checked at the end, where all of it must make sense. */
class Happening implements fc.AsyncCommand<object, Real> {
  readonly name: string
  readonly act: Act
  constructor(name: string, act: Act) {
    this.name = name
    this.act = act
  }
  check() {
    return true
  }
  run(_: object, { runtime, stage }: Real) {
    return runtime.runPromise(Effect.andThen(this.act(stage), settleDown))
  }
  toString() {
    return this.name
  }
}

const anyActive = Effect.fnUntraced(function* (at: number) {
  const { runs } = yield* (yield* RunStore).list({ limit: 1_000 })
  const active = runs.filter((run) => !isCompleted(run))
  return active[at % Math.max(1, active.length)]
})

const changing = (name: string, change: Act, note: (stage: Stage) => void) =>
  fc.constant(
    new Happening(name, (stage) =>
      Effect.gen(function* () {
        yield* change(stage)
        note(stage)
        yield* noteEpoch(stage)
      })
    )
  )

const book = <A, E>(use: (book: AuthorityBook["Service"]) => Effect.Effect<A, E>) => Effect.flatMap(AuthorityBook, use)

const index = fc.nat({ max: 1_000 })

const dispatches = [
  fc
    .nat({ max: 8 })
    .map(
      (shelf) =>
        new Happening(`dispatch ${shelf}`, () =>
          Effect.flatMap(Countersign, (gate) =>
            gate.dispatch({ ...byAda, operation: inventorySync, payload: { scope: `shelf ${shelf}` } })
          )
        )
    ),
  fc.constant(
    new Happening("dispatch a backup", () =>
      Effect.flatMap(Countersign, (gate) =>
        gate.dispatch({
          workspaceId,
          tenantId,
          providerConnectionId: connectionId,
          systemAuthority: true,
          actorKind: "scheduled",
          operation: backupScheduleRun,
          payload: {}
        })
      )
    )
  )
]

const changes = [
  changing(
    "revoke",
    () => book((facts) => facts.setMembership(workspaceId, ada, readonly)),
    (stage) => {
      stage.mayAda = false
    }
  ),
  changing(
    "grant",
    () => book((facts) => facts.setMembership(workspaceId, ada, manager)),
    (stage) => {
      stage.mayAda = true
    }
  ),
  changing(
    "archive the tenant",
    () => book((facts) => facts.setTenant({ id: tenantId, workspaceId, state: "archived" })),
    (stage) => {
      stage.isTenantActive = false
    }
  ),
  changing(
    "activate the tenant",
    () => book((facts) => facts.setTenant({ id: tenantId, workspaceId, state: "active" })),
    (stage) => {
      stage.isTenantActive = true
    }
  )
]

const troubles = [
  index.map(
    (at) =>
      new Happening(`cancel ${at}`, () =>
        Effect.gen(function* () {
          const run = yield* anyActive(at)
          if (run === undefined) return
          const gate = yield* Countersign
          yield* gate.cancel(run.dispatch.id, { kind: "human", id: ada })
        })
      )
  )
]

const words = [
  fc.tuple(index, fc.constantFrom<Word>("checkpoint", "succeed", "fail", "fail for good", "die")).map(
    ([at, word]) =>
      new Happening(`${word} ${at}`, ({ calls }) =>
        Effect.suspend(() => {
          const call = [...calls][at % Math.max(1, calls.size)]
          return call === undefined ? Effect.void : Deferred.succeed(call.word, word)
        })
      )
  )
]

const times = [
  fc.constantFrom(50, 500, 2_000, 4_000, 20_000).map(
    (millis) =>
      new Happening(`${millis} ms pass`, () =>
        Effect.gen(function* () {
          for (let passed = 0; passed < millis; passed += 250) yield* TestClock.adjust(Math.min(250, millis))
        })
      )
  )
]

const workers = [
  fc.constant(
    new Happening("a worker starts", (stage) => (stage.workers.length < 3 ? startWorker(stage) : Effect.void))
  ),
  index.map(
    (at) =>
      new Happening(`worker ${at} stops`, (stage) =>
        Effect.suspend(() => {
          const [worker] = stage.workers.splice(at % Math.max(1, stage.workers.length), 1)
          return worker === undefined ? Effect.void : close(worker)
        })
      )
  ),
  index.map(
    (at) =>
      new Happening(`worker ${at} crashes`, (stage) =>
        Effect.suspend(() => {
          const [worker] = stage.workers.splice(at % Math.max(1, stage.workers.length), 1)
          if (worker === undefined) return Effect.void
          stage.crashes += 1
          // Whatever it still says reaches nobody.
          worker.trouble.beforeStore = () => Effect.fail(away())
          return close(worker)
        })
      )
  ),
  index.map(
    (at) =>
      new Happening(`worker ${at} loses and finds the store`, (stage) =>
        Effect.sync(() => {
          const worker = stage.workers[at % Math.max(1, stage.workers.length)]
          if (worker === undefined) return
          stage.lostStore = true
          let refusals = at % 10
          worker.trouble.afterStore = () => (refusals-- > 0 ? Effect.fail(away()) : Effect.void)
        })
      )
  ),
  fc.boolean().map(
    (readable) =>
      new Happening(`facts are ${readable ? "readable" : "unreadable"}`, ({ workers }) =>
        Effect.sync(() => {
          for (const { trouble } of workers) {
            trouble.beforeFacts = () => (readable ? Effect.void : Effect.fail(unreadableFacts))
          }
        })
      )
  )
]

const [, grant, , activate] = changes

/** Work is done most of the time; now and then something gets in its way. */
const happenings = [
  ...Array.from({ length: 4 }, () => [...dispatches, ...words, ...times]).flat(),
  ...Array.from({ length: 2 }, () => [grant, activate, ...workers.slice(0, 1)]).flat(),
  ...changes,
  ...troubles,
  ...workers
].filter((happening) => happening !== undefined)

/** Everything calms down, and a worker has all the time it needs. */
const comeToAnEnd = Effect.fnUntraced(function* (stage: Stage) {
  stage.isOver = true
  yield* calm
  for (const { trouble } of stage.workers) {
    trouble.beforeStore = () => Effect.void
    trouble.afterStore = () => Effect.void
    trouble.beforeFacts = () => Effect.void
  }
  for (const call of [...stage.calls]) yield* Deferred.succeed(call.word, "succeed")
  yield* startWorker(stage)
  for (let second = 0; second < 600; second += 1) {
    yield* TestClock.adjust(second < 30 ? 250 : 2_000)
    const { runs } = yield* (yield* RunStore).list({ limit: 1_000 })
    const pending = yield* (yield* Notices).countPending
    if (runs.every(isCompleted) && pending === 0) break
  }
})

const isPersons = (run: Run) => run.dispatch.subject.authority._tag === "ActorBound"

const everythingMakesSense = Effect.fnUntraced(function* (stage: Stage) {
  const { runs } = yield* (yield* RunStore).list({ limit: 1_000 })
  const log = yield* AuditLog
  const { notices } = yield* Delivered
  for (const run of runs) {
    const { id } = run.dispatch
    const records = yield* log.recordsOf(id)
    const decisions = yield* log.decisionsOf(id)

    assert.isTrue(isCompleted(run), `every run reaches a terminal state; ${id} is ${run._tag}`)
    assert.isNull(flawOf(run, records), `the story of ${id}: ${records.map(({ action }) => action).join(" ")}`)
    assert.isAtMost(run.attempt, run.dispatch.maxAttempts)

    // every_decision_is_audited
    assert.deepStrictEqual(
      records.filter(({ action }) => action === "run.decided").map(({ decisionId }) => decisionId),
      decisions.map((decision) => decision.id)
    )
    // Each decision is the one that the authority of its epoch demands.
    for (const { decision, epoch } of decisions) {
      const legitimate = stage.legitimateAt.get(epoch ?? -1)
      assert.isDefined(legitimate, `an epoch that nobody noted: ${epoch}`)
      if (isPersons(run)) assert.strictEqual(decision._tag === "Allowed", legitimate)
    }
    // No handler was called but under an admission that was allowed, and under each at most once.
    const starts = stage.starts.filter(({ dispatch }) => dispatch.id === id).map(({ admission }) => admission)
    assert.strictEqual(new Set(starts).size, starts.length, "two starts under one admission")
    for (const admission of starts) {
      const [first] = decisions.filter((decision) => decision.admission === admission)
      assert.strictEqual(first?.decision._tag, "Allowed")
    }
    // One notice for a person's run, none for a system's; a crash may repeat it.
    const told = notices.filter(({ runId }) => runId === id)
    if (!isPersons(run)) assert.strictEqual(told.length, 0)
    else if (stage.crashes === 0 && !stage.lostStore) assert.strictEqual(told.length, 1)
    else assert.isAtLeast(told.length, 1)
    for (const notice of told) assert.strictEqual(notice.recipient, ada)
  }
})

const RUNS = 150

it("whatever happens, every run comes to an end that its records explain", { timeout: 300_000 }, () =>
  fc.assert(
    fc.asyncProperty(fc.commands(happenings, { maxCommands: 60, size: "max" }), async (commands) => {
      const stage = new Stage()
      const runtime = ManagedRuntime.make(layerStage)
      try {
        await runtime.runPromise(
          Effect.gen(function* () {
            yield* settle
            yield* noteEpoch(stage)
            yield* startWorker(stage)
          })
        )
        await fc.asyncModelRun(() => ({ model: {}, real: { runtime, stage } }), commands)
        await runtime.runPromise(Effect.andThen(comeToAnEnd(stage), everythingMakesSense(stage)))
        await runtime.runPromise(Effect.forEach(stage.workers.splice(0), close))
      } finally {
        await runtime.dispose()
      }
    }),
    { numRuns: RUNS }
  )
)
