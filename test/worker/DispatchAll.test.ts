/** Dispatch of many together, as a careless or hostile caller would ask for it. What holds for every store is in `dispatchAllLaws`. */
import {
  AuditLog,
  Catalogue,
  EnqueueFailed,
  Notices,
  Operation,
  OutsideQueue,
  type QueueEntry,
  RunStore
} from "@countersign/domain"
import {
  Countersign,
  DISPATCHES_MAX,
  DispatchAllRefused,
  inventorySync,
  REFUSALS_LISTED,
  sampleCatalogue
} from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { freshScope, Logged, layerBench } from "./support/bench.ts"
import { calm, storeAway } from "./support/unruly.ts"
import { byAda } from "./support/world.ts"

const numbered = Operation.make({
  type: "numbered",
  payload: Schema.Struct({ number: Schema.Int }),
  result: Schema.Void
})
const catalogue = Catalogue.make([inventorySync, numbered])
const layerGate = Countersign.layer({ catalogue }).pipe(Layer.provideMerge(layerBench))

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)
const requestOf = (number: number) => ({ ...byAda, operation: numbered, payload: { number } })
const stored = Effect.flatMap(RunStore, (store) => store.list({ limit: 1_000 })).pipe(Effect.map(({ runs }) => runs))

/** What a caller without types may hand over. */
const dispatchingAll = (requests: unknown) =>
  // biome-ignore lint/suspicious/noExplicitAny: the types are what such a caller does not have
  Effect.flatMap(Countersign, (gate) => gate.dispatchAll(requests as any))

const refusedWith = (requests: unknown) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(dispatchingAll(requests))
    assert.deepStrictEqual(yield* stored, [])
    return error instanceof DispatchAllRefused ? error : assert.fail(error.message)
  })

describe("requests that are wrong", () => {
  const unreadable = {
    ...requestOf(1),
    get payload(): never {
      throw new Error("no payload for you")
    }
  }
  for (const [what, reason, request] of [
    ["null", "request_invalid", null],
    ["nothing", "request_invalid", undefined],
    ["a number", "request_invalid", 7],
    ["a text", "request_invalid", "numbered"],
    ["an empty object", "request_invalid", {}],
    ["no operation", "request_invalid", { ...byAda, payload: {} }],
    ["a payload that throws", "request_invalid", unreadable],
    ["a payload that does not fit", "payload_invalid", { ...requestOf(1), payload: { number: "1" } }],
    ["nobody to answer for it", "id_invalid", { ...requestOf(1), initiator: "" }],
    ["system authority that is not declared", "system_authority_not_declared", systemRequest()],
    ["a time that is none", "time_invalid", { ...requestOf(1), availableAtMillis: Number.NaN }],
    ["a priority that is none", "priority_invalid", { ...requestOf(1), priority: "urgent" }],
    ["a run id that is none", "id_invalid", { ...requestOf(1), runId: "1" }]
  ] as const) {
    it.effect(`${what}: is named by its place and stops all the others`, () =>
      Effect.gen(function* () {
        const { given, wrong, refusals, message } = yield* refusedWith([requestOf(1), request, requestOf(2)])
        assert.deepStrictEqual([given, wrong, refusals.length], [3, 1, 1])
        assert.deepStrictEqual([refusals[0].at, refusals[0].reason], [1, reason])
        assert.include(message, "index 1")
        assert.include(message, "nothing is stored")
      }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("are all counted, and the first of them listed", () =>
    Effect.gen(function* () {
      const requests = upTo(3_000).map((at) => (at % 2 === 0 ? requestOf(at) : null))
      const { given, wrong, refusals } = yield* refusedWith(requests)
      assert.deepStrictEqual([given, wrong, refusals.length], [3_000, 1_500, REFUSALS_LISTED])
      assert.deepStrictEqual(
        refusals.map(({ at }) => at),
        upTo(REFUSALS_LISTED).map((at) => 2 * at + 1)
      )
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("too many are refused before any is looked at", () =>
    Effect.gen(function* () {
      const { wrong, refusals } = yield* refusedWith(new Array(DISPATCHES_MAX + 3))
      assert.deepStrictEqual([wrong, refusals[0].at, refusals[0].reason], [3, DISPATCHES_MAX, "too_many"])
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("by wire name they are refused alike", () =>
    Effect.gen(function* () {
      const gate = yield* Countersign
      const request = { ...byAda, operationType: "numbered", payload: { number: 1 } }
      const error = yield* Effect.flip(gate.dispatchAllUntyped([request, { ...request, operationType: "nobody's" }]))
      assert.isTrue(error._tag === "DispatchAllRefused" && error.refusals[0].reason === "unknown_operation")
      const [answer] = yield* gate.dispatchAllUntyped([request])
      assert.deepStrictEqual(answer?.run.dispatch.payload, { number: 1 })
    }).pipe(Effect.provide(layerGate))
  )
})

it.effect("each request has the payload of its own operation", () =>
  Effect.gen(function* () {
    const gate = yield* Countersign
    const answers = yield* gate.dispatchAll([
      requestOf(1),
      { ...byAda, operation: inventorySync, payload: { scope: "shelf" } }
    ])
    assert.deepStrictEqual(
      answers.map(({ run }) => run.dispatch.payload),
      [{ number: 1 }, { scope: "shelf" }]
    )
    // @ts-expect-error the payload of the one does not fit the other
    yield* Effect.flip(gate.dispatchAll([{ ...requestOf(1), payload: { scope: "shelf" } }]))
  }).pipe(Effect.provide(layerGate))
)

it.effect("what the caller does to its list meanwhile changes nothing", () =>
  Effect.gen(function* () {
    const gate = yield* Countersign
    const requests = upTo(2_500).map(requestOf)
    const answers = yield* Effect.all(
      [gate.dispatchAll(requests), Effect.sync(() => requests.fill(requestOf(-1), 1))],
      {
        concurrency: "unbounded"
      }
    )
    assert.strictEqual(answers[0].filter(({ deduped }) => !deduped).length, 2_500)
  }).pipe(Effect.provide(layerGate))
)

it.effect("a store that is away fails the call; nothing is stored, and the same call succeeds later", () =>
  Effect.gen(function* () {
    const requests = upTo(5).map(requestOf)
    yield* storeAway
    assert.strictEqual((yield* Effect.flip(dispatchingAll(requests)))._tag, "StoreUnavailable")
    yield* calm
    assert.deepStrictEqual(yield* stored, [])
    assert.strictEqual((yield* dispatchingAll(requests)).length, 5)
  }).pipe(Effect.provide(layerGate))
)

describe("a queue of the host's own", () => {
  /** Takes entries until it is said to be full. */
  const queueOf = (room: number) => {
    const calls: Array<ReadonlyArray<QueueEntry>> = []
    const queue = OutsideQueue.of({
      enqueue: (entries) =>
        Effect.suspend(() => {
          if (calls.flat().length + entries.length > room) return Effect.fail(new EnqueueFailed({ problem: "full" }))
          calls.push(entries)
          return Effect.void
        })
    })
    return {
      calls,
      layer: Countersign.layer({ catalogue: sampleCatalogue, queue }).pipe(Layer.provideMerge(layerBench))
    }
  }
  const syncOf = (scope: string) => ({ ...byAda, operation: inventorySync, payload: { scope } })

  it.effect("is given what is new, each once, a thousand at a time", () => {
    const { calls, layer } = queueOf(10_000)
    return Effect.gen(function* () {
      const gate = yield* Countersign
      const active = freshScope()
      yield* gate.dispatch(syncOf(active.scope))
      const scopes = [active, ...upTo(1_200).map(freshScope)].map(({ scope }) => scope)
      const answers = yield* gate.dispatchAll([...scopes, ...scopes].map(syncOf))
      const isNew = answers.filter(({ deduped }) => !deduped).map(({ run }) => run.dispatch.id)
      assert.strictEqual(isNew.length, 1_200)
      assert.deepStrictEqual(
        calls.map((entries) => entries.length),
        [1, 1_000, 200]
      )
      assert.deepStrictEqual(
        calls
          .slice(1)
          .flat()
          .map(({ runId }) => runId),
        isNew
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("that does not take them all: those that are new have failed, the active one answers as ever", () => {
    const { layer } = queueOf(1)
    return Effect.gen(function* () {
      const gate = yield* Countersign
      const active = yield* gate.dispatch(syncOf("active"))
      const answers = yield* gate.dispatchAll(["one", "active", "two", "one"].map(syncOf))
      assert.deepStrictEqual(
        answers.map(({ run, deduped }) => [run._tag, deduped]),
        [
          ["Failed", false],
          ["Queued", true],
          ["Failed", false],
          ["Failed", true]
        ]
      )
      assert.strictEqual(answers[1]?.run.dispatch.id, active.run.dispatch.id)
      assert.deepStrictEqual(answers[3]?.run, answers[0]?.run)
      assert.strictEqual((yield* stored).length, 3)
      const audit = yield* AuditLog
      for (const at of [0, 2]) {
        const { run } = answers[at] ?? assert.fail("an answer is missing")
        assert.strictEqual(run._tag === "Failed" && run.failure.code, "queue.dispatch_failed")
        assert.deepStrictEqual(
          (yield* audit.recordsOf(run.dispatch.id)).map(({ action }) => action),
          ["run.dispatch_failed"]
        )
      }
      assert.strictEqual((yield* (yield* Notices).takeDue(Number.MAX_SAFE_INTEGER, 0, 10)).length, 2)
      assert.isTrue((yield* Logged).lines.some((line) => line.includes("full")))
    }).pipe(Effect.provide(layer))
  })
})

function systemRequest() {
  const { initiator: _, initiatorName: __, ...target } = byAda
  return { ...target, operation: numbered, payload: { number: 1 }, systemAuthority: true }
}
