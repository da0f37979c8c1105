/** Dispatch: whatever a host may throw at it is stored unharmed or refused clearly, and nothing in between. */
import { HOSTILE_NAMES, HOSTILE_PAYLOADS, hostStringArbitrary, runIdAt } from "@countersign/adapters/testing"
import { Catalogue, canonicalJson, ID_MAX_LENGTH, Operation, RunStore } from "@countersign/domain"
import {
  backupScheduleRun,
  Countersign,
  type DispatchRefused,
  Handler,
  inventorySync,
  type RefusalReason,
  type UntypedDispatchRequest
} from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { findAs, freshScope, layerBench, pass, startWorker } from "./support/bench.ts"
import { calm, storeAway } from "./support/unruly.ts"
import { byAda, settle, tenantId, workspaceId } from "./support/world.ts"

/** Takes any JSON at all. */
const anything = Operation.make({
  type: "anything",
  systemAuthority: true,
  payload: Schema.Json,
  result: Schema.Json
})

/** Identified by something JSON has no text for. */
const oddlyIdentified = Operation.make({
  type: "oddly_identified",
  payload: Schema.Struct({ at: Schema.String }),
  result: Schema.Json,
  identifiedBy: ({ at }) => Number(at)
})

const brokenlyIdentified = Operation.make({
  type: "brokenly_identified",
  payload: Schema.Struct({}),
  result: Schema.Json,
  identifiedBy: () => {
    throw new Error("bug of the host's")
  }
})

interface Tree {
  readonly branches: ReadonlyArray<Tree>
}
const Tree: Schema.Codec<Tree> = Schema.Struct({ branches: Schema.Array(Schema.suspend(() => Tree)) })
const growing = Operation.make({ type: "growing", payload: Tree, result: Schema.Json })

const catalogue = Catalogue.make([
  anything,
  growing,
  oddlyIdentified,
  brokenlyIdentified,
  inventorySync,
  backupScheduleRun
])

const layerGate = Countersign.layer({ catalogue }).pipe(Layer.provideMerge(layerBench))

/** Dispatches, with parts replaced by whatever a caller without types might send. */
const dispatching = (given: Record<string, unknown>) =>
  Effect.flatMap(Countersign, (gate) => {
    const request: UntypedDispatchRequest = { ...byAda, operationType: "anything", payload: freshScope(), ...given }
    return gate.dispatchUntyped(request)
  })

const isRefused = (error: { readonly _tag: string }): error is DispatchRefused => error._tag === "DispatchRefused"

/** Must be refused for this reason, with something written, and nothing stored. */
const refused = (reason: RefusalReason, given: Record<string, unknown>) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(dispatching(given))
    if (!isRefused(error)) return assert.fail(`refused as ${error._tag}`)
    assert.strictEqual(error.reason, reason)
    assert.isAbove(error.advice.length, 10)
    const { runs } = yield* (yield* RunStore).list({ limit: 10 })
    assert.deepStrictEqual(runs, [])
    return error
  })

/** `[[[…]]]` */
const deep = (levels: number): Schema.Json => {
  let value: Schema.Json = 0
  for (let level = 0; level < levels; level += 1) value = [value]
  return value
}

const deepTree = (levels: number): Tree => {
  let tree: Tree = { branches: [] }
  for (let level = 1; level < levels; level += 1) tree = { branches: [tree] }
  return tree
}

describe("the operation", () => {
  for (const operationType of ["nobody.knows.it", "Inventory_Sync", "inventory_sync ", "__proto__", "constructor"]) {
    it.effect(`${operationType} is unknown, and those that are known are named`, () =>
      Effect.gen(function* () {
        const { advice } = yield* refused("unknown_operation", { operationType })
        assert.include(advice, "inventory_sync")
      }).pipe(Effect.provide(layerGate))
    )
  }

  for (const operationType of ["", "x".repeat(256), "a\nb", "\uDC00", 7, null, undefined]) {
    it.effect(`${JSON.stringify(operationType)?.slice(0, 20)} is not even a name`, () =>
      refused("id_invalid", { operationType }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("a declared operation that this catalogue does not have is refused by the typed dispatch as well", () =>
    Effect.gen(function* () {
      const gate = yield* Countersign
      const stranger = Operation.make({ type: "stranger", payload: Schema.Struct({}), result: Schema.Json })
      const error = yield* Effect.flip(gate.dispatch({ ...byAda, operation: stranger, payload: {} }))
      assert.isTrue(isRefused(error) && error.reason === "unknown_operation")
    }).pipe(Effect.provide(layerGate))
  )
})

describe("ids", () => {
  const invalid: ReadonlyArray<readonly [string, unknown]> = [
    ["empty", ""],
    ["256 long", "x".repeat(ID_MAX_LENGTH + 1)],
    ["half a surrogate pair", "a\uD83D"],
    ["the other half", "\uDE00a"],
    ["a line break", "a\nb"],
    ["U+0000", "a\u0000"],
    ["U+007F", "a\u007F"],
    ["U+0085", "a\u0085"],
    ["a number", 7],
    ["an object", {}],
    ["an array", ["a"]],
    ["true", true]
  ]
  for (const name of ["workspaceId", "tenantId", "providerConnectionId", "initiator", "initiatorName"] as const) {
    for (const [what, value] of invalid) {
      it.effect(`${name}: ${what} is refused`, () =>
        refused("id_invalid", { [name]: value }).pipe(Effect.provide(layerGate))
      )
    }
  }

  for (const name of ["workspaceId", "initiator"] as const) {
    for (const value of [null, undefined]) {
      it.effect(`${name} must be there, and is not ${value}`, () =>
        refused("id_invalid", { [name]: value }).pipe(Effect.provide(layerGate))
      )
    }
  }

  it.effect("hostile names go end to end unharmed: emoji, right to left, combining characters, SQL, JSON", () =>
    Effect.gen(function* () {
      for (const name of HOSTILE_NAMES) {
        const { run } = yield* dispatching({
          workspaceId: name,
          tenantId: name,
          providerConnectionId: name,
          initiator: name,
          initiatorName: name,
          payload: { name }
        })
        const { dispatch } = yield* Effect.flatMap(Countersign, (gate) => gate.find(run.dispatch.id))
        const { scope, authority } = dispatch.subject
        assert.deepStrictEqual(
          [scope.workspaceId, scope.tenantId, scope.providerConnectionId, dispatch.initiatorName, dispatch.payload],
          [name, name, name, name, { name }]
        )
        assert.isTrue(authority._tag === "ActorBound" && authority.initiator === name)
      }
    }).pipe(Effect.provide(layerGate))
  )

  it.effect.prop(
    "names that differ make runs that differ, however alike they look",
    { one: hostStringArbitrary, other: hostStringArbitrary },
    ({ one, other }) =>
      Effect.gen(function* () {
        const payload = freshScope()
        const first = yield* dispatching({ tenantId: one, payload })
        const second = yield* dispatching({ tenantId: other, payload })
        assert.strictEqual(second.deduped, one === other)
        assert.strictEqual(second.run.dispatch.id === first.run.dispatch.id, one === other)
      }).pipe(Effect.provide(layerGate))
  )

  it.effect("composed and decomposed é are two tenants", () =>
    Effect.gen(function* () {
      const payload = freshScope()
      yield* dispatching({ tenantId: "caf\u00E9", payload })
      assert.isFalse((yield* dispatching({ tenantId: "cafe\u0301", payload })).deduped)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("the parts of an identity do not run into each other", () =>
    Effect.gen(function* () {
      const payload = freshScope()
      yield* dispatching({ workspaceId: 'a","b', tenantId: "c", payload })
      assert.isFalse((yield* dispatching({ workspaceId: "a", tenantId: 'b","c', payload })).deduped)
      assert.isFalse((yield* dispatching({ workspaceId: "a", tenantId: null, payload })).deduped)
      assert.isFalse((yield* dispatching({ workspaceId: "a", tenantId: "null", payload })).deduped)
    }).pipe(Effect.provide(layerGate))
  )
})

describe("a missing tenant", () => {
  it.effect("is none of dispatch's business: the run is taken, and ends blocked as tenant_missing", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const { run } = yield* gate.dispatch({
        ...byAda,
        tenantId: "nobody-knows-it",
        operation: inventorySync,
        payload: freshScope()
      })
      yield* startWorker([Handler.make(inventorySync, () => Effect.die("must not be called"))], { catalogue })
      yield* pass(1_000)
      const blocked = yield* findAs(run.dispatch.id, "Blocked")
      assert.strictEqual(blocked.legitimacy.reason_code, "tenant_missing")
      assert.isNull(blocked.startedAtMillis)
    }).pipe(Effect.provide(layerGate))
  )

  for (const absent of [null, undefined]) {
    it.effect(`${absent} means a run of the workspace itself`, () =>
      Effect.gen(function* () {
        const { run } = yield* dispatching({ tenantId: absent, providerConnectionId: absent })
        assert.isNull(run.dispatch.subject.scope.tenantId)
        assert.isNull(run.dispatch.subject.scope.providerConnectionId)
      }).pipe(Effect.provide(layerGate))
    )
  }
})

describe("system_authority_is_declared_never_inferred", () => {
  const nobody = { workspaceId, tenantId, operationType: "inventory_sync", payload: freshScope() }

  it.effect("is refused where the operation does not declare it", () =>
    Effect.gen(function* () {
      const gate = yield* Countersign
      const error = yield* Effect.flip(gate.dispatchUntyped({ ...nobody, systemAuthority: true }))
      assert.isTrue(isRefused(error) && error.reason === "system_authority_not_declared")
    }).pipe(Effect.provide(layerGate))
  )

  for (const [what, given] of [
    ["no authority at all", {}],
    ["systemAuthority: false", { systemAuthority: false }],
    ["systemAuthority: null", { systemAuthority: null }],
    ["systemAuthority: 1", { systemAuthority: 1 }],
    ["an initiator that is not there", { initiator: undefined }],
    ["an initiator that is not there, and system authority", { initiator: undefined, systemAuthority: true }],
    ["an empty initiator, and system authority", { initiator: "", systemAuthority: true }]
  ] as const) {
    it.effect(`is not inferred from ${what}, even where the operation declares it`, () =>
      Effect.gen(function* () {
        const gate = yield* Countersign
        const request: Record<string, unknown> = { ...nobody, operationType: "anything", ...given }
        const error = yield* Effect.flip(gate.dispatchUntyped(untyped(request)))
        assert.isTrue(isRefused(error) && error.reason === "id_invalid", error.message)
      }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("a person's run stays a person's run where both are said", () =>
    Effect.gen(function* () {
      const { run } = yield* dispatching({ systemAuthority: true })
      assert.strictEqual(run.dispatch.subject.authority._tag, "ActorBound")
      assert.strictEqual(run.dispatch.actorKind, "human")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("says what kind of system it is, and never that it is human", () =>
    Effect.gen(function* () {
      const gate = yield* Countersign
      const system = { ...nobody, operationType: "anything", systemAuthority: true as const }
      const { run } = yield* gate.dispatchUntyped({ ...system, payload: freshScope(), actorKind: "scheduled" })
      assert.strictEqual(run.dispatch.actorKind, "scheduled")
      for (const actorKind of ["human", "nonsense", "", 7]) {
        const error = yield* Effect.flip(gate.dispatchUntyped(untyped({ ...system, payload: freshScope(), actorKind })))
        assert.isTrue(isRefused(error), `${actorKind}`)
      }
    }).pipe(Effect.provide(layerGate))
  )
})

describe("the payload", () => {
  const misfits: ReadonlyArray<unknown> = [
    null,
    undefined,
    [],
    "shelf",
    {},
    { scope: "" },
    { scope: 7 },
    { Scope: "a" },
    () => 1,
    Symbol("a")
  ]
  for (const [at, payload] of misfits.entries()) {
    it.effect(`does not fit the operation: ${at}`, () =>
      refused("payload_invalid", { operationType: "inventory_sync", payload }).pipe(Effect.provide(layerGate))
    )
  }

  for (const [what, payload] of [
    ["U+0000 in a text", { text: "a\u0000b" }],
    ["U+0000 in a key", { "a\u0000": 1 }],
    ["half a surrogate pair in a text", ["\uD800"]],
    ["half a surrogate pair in a key", { "\uDC00": 1 }],
    ["NaN", Number.NaN],
    ["infinity", [Number.POSITIVE_INFINITY]],
    ["undefined inside", [undefined]],
    ["a bigint", { n: 1n }],
    ["a date", new Date(0)],
    ["a function", { f: () => 1 }]
  ] as const) {
    it.effect(`with ${what} cannot be stored, and is refused`, () =>
      refused("payload_invalid", { payload }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("whatever JSON can say goes end to end unharmed", () =>
    Effect.gen(function* () {
      const fits = HOSTILE_PAYLOADS.filter((payload) => JSON.stringify(payload).length < 40_000)
      assert.isAtLeast(fits.length, 14)
      for (const [at, payload] of fits.entries()) {
        const { run } = yield* dispatching({ tenantId: `tenant-${at}`, payload })
        const { dispatch } = yield* Effect.flatMap(Countersign, (gate) => gate.find(run.dispatch.id))
        assert.strictEqual(canonicalJson(dispatch.payload), canonicalJson(payload))
      }
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("keys that mean something to JavaScript are keys like any other", () =>
    Effect.gen(function* () {
      const payload: Schema.Json = JSON.parse('{"__proto__":{"admin":true},"constructor":1,"toString":2}')
      const { run } = yield* dispatching({ payload })
      assert.strictEqual(canonicalJson(run.dispatch.payload), canonicalJson(payload))
      assert.isFalse((yield* dispatching({ payload: { constructor: 1, toString: 2 } })).deduped)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("numbers are their JSON: -0 is 0, and the largest is not lost", () =>
    Effect.gen(function* () {
      yield* dispatching({ payload: { n: -0 } })
      assert.isTrue((yield* dispatching({ payload: { n: 0 } })).deduped)
      yield* dispatching({ payload: { n: 1e308 } })
      assert.isTrue((yield* dispatching({ payload: { n: 1e308 } })).deduped)
      assert.isFalse((yield* dispatching({ payload: { n: Number.MAX_VALUE } })).deduped)
      assert.isFalse((yield* dispatching({ payload: { n: "1e308" } })).deduped)
    }).pipe(Effect.provide(layerGate))
  )

  describe("its size", () => {
    const maxBytes = 1_000
    const layerSmall = Countersign.layer({ catalogue, payloadMaxBytes: maxBytes }).pipe(Layer.provideMerge(layerBench))
    /** A text whose JSON, with its quotes, has so many bytes. */
    const text = (character: string, bytes: number) =>
      character.repeat(Math.floor((bytes - 2) / Buffer.byteLength(character))) +
      "x".repeat((bytes - 2) % Buffer.byteLength(character))

    for (const character of ["x", "é", "€", "😀"]) {
      it.effect(`is counted in bytes of UTF-8: ${character}`, () =>
        Effect.gen(function* () {
          assert.strictEqual(Buffer.byteLength(JSON.stringify(text(character, maxBytes))), maxBytes)
          yield* refused("payload_too_large", { payload: text(character, maxBytes + 1) })
          const { run } = yield* dispatching({ payload: text(character, maxBytes) })
          assert.strictEqual(run._tag, "Queued")
        }).pipe(Effect.provide(layerSmall))
      )
    }

    it.effect("is 64 KiB unless the host says otherwise", () =>
      Effect.gen(function* () {
        yield* refused("payload_too_large", { payload: "x".repeat(64 * 1024 - 1) })
        yield* dispatching({ payload: "x".repeat(64 * 1024 - 2) })
      }).pipe(Effect.provide(layerGate))
    )

    it.effect("of what is stored counts, not of what was sent", () =>
      Effect.gen(function* () {
        const gate = yield* Countersign
        // The schema drops what it does not know.
        const { run } = yield* gate.dispatchUntyped({
          ...byAda,
          operationType: "inventory_sync",
          payload: { ...freshScope(), unknown: "x".repeat(10_000) }
        })
        assert.deepStrictEqual(Object.keys(Object(run.dispatch.payload)), ["scope"])
      }).pipe(Effect.provide(layerSmall))
    )
  })

  describe("nested deeply", () => {
    for (const levels of [1_000, 10_000, 30_000]) {
      it.effect(`${levels} levels of arrays are refused`, () =>
        refused("payload_invalid", { payload: deep(levels) }).pipe(Effect.provide(layerGate))
      )
    }

    for (const levels of [1_000, 10_000]) {
      it.effect(`${levels} levels of a schema's own recursion are refused, typed and untyped`, () =>
        Effect.gen(function* () {
          yield* refused("payload_invalid", { operationType: "growing", payload: deepTree(levels) })
          const gate = yield* Countersign
          const error = yield* Effect.flip(gate.dispatch({ ...byAda, operation: growing, payload: deepTree(levels) }))
          assert.isTrue(isRefused(error) && error.reason === "payload_invalid")
        }).pipe(Effect.provide(layerGate))
      )
    }

    it.effect("a value that contains itself is refused", () => {
      const ring: Array<unknown> = []
      ring.push(ring)
      return refused("payload_invalid", { payload: ring }).pipe(Effect.provide(layerGate))
    })

    it.effect("200 levels are taken, and given back", () =>
      Effect.gen(function* () {
        const { run } = yield* dispatching({ payload: deep(200) })
        assert.deepStrictEqual(run.dispatch.payload, deep(200))
      }).pipe(Effect.provide(layerGate))
    )
  })

  it.effect("an operation identified by what has no text in JSON refuses rather than breaks", () =>
    Effect.gen(function* () {
      const { advice } = yield* refused("payload_invalid", { operationType: "oddly_identified", payload: { at: "x" } })
      assert.include(advice, "what `identifiedBy` answers must be JSON")
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("an operation whose identity cannot be computed refuses rather than breaks", () =>
    refused("payload_invalid", { operationType: "brokenly_identified", payload: {} }).pipe(Effect.provide(layerGate))
  )
})

describe("the priority", () => {
  for (const priority of ["urgent", "", "HIGH", 1, null, {}]) {
    it.effect(`is not ${JSON.stringify(priority)}`, () =>
      Effect.gen(function* () {
        const { advice } = yield* refused("priority_invalid", { priority })
        assert.include(advice, "high, normal, low")
      }).pipe(Effect.provide(layerGate))
    )
  }
})

describe("the time it is available from", () => {
  for (const availableAtMillis of [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0.5,
    2 ** 53,
    -(2 ** 53),
    Date.UTC(10_000, 0, 1),
    Date.parse("0001-01-01T00:00:00.000Z") - 1,
    "tomorrow",
    null,
    new Date(0)
  ]) {
    it.effect(`is not ${String(availableAtMillis)}`, () =>
      Effect.gen(function* () {
        const { advice } = yield* refused("time_invalid", { availableAtMillis })
        assert.include(advice, "availableAtMillis")
      }).pipe(Effect.provide(layerGate))
    )
  }

  it.effect("in the past means at once, in the future means then and not before", () =>
    Effect.gen(function* () {
      yield* settle
      const calls: Array<string> = []
      const handler = Handler.make(inventorySync, ({ scope }) =>
        Effect.sync(() => {
          calls.push(scope)
          return { items: 0 }
        })
      )
      const gate = yield* Countersign
      const sync = { ...byAda, operation: inventorySync }
      yield* gate.dispatch({ ...sync, payload: { scope: "past" }, availableAtMillis: -1 })
      yield* gate.dispatch({ ...sync, payload: { scope: "future" }, availableAtMillis: 60_000 })
      yield* gate.dispatch({ ...sync, payload: { scope: "very far" }, availableAtMillis: Date.UTC(9_999, 11, 31) })
      yield* startWorker([handler], { catalogue })
      yield* pass(59_000, 1_000)
      assert.deepStrictEqual(calls, ["past"])
      yield* pass(3_000)
      assert.deepStrictEqual(calls, ["past", "future"])
    }).pipe(Effect.provide(layerGate))
  )
})

describe("the run's id", () => {
  const good = runIdAt(1_700_000_000_000)
  for (const runId of [
    "",
    "abc",
    7,
    null,
    good.toUpperCase(),
    good.replaceAll("-", ""),
    "01890163-8694-439b-aea5-966c26f8ad91",
    `${good} `
  ]) {
    it.effect(`is not ${JSON.stringify(runId)}`, () => refused("id_invalid", { runId }).pipe(Effect.provide(layerGate)))
  }

  it.effect("given twice is the same run: the second dispatch changes nothing", () =>
    Effect.gen(function* () {
      const runId = runIdAt(1_700_000_000_000, 1)
      const payload = freshScope()
      const first = yield* dispatching({ runId, payload })
      const second = yield* dispatching({ runId, payload })
      const other = yield* dispatching({ runId, payload: freshScope(), initiator: "bob" })
      assert.deepStrictEqual([first.deduped, second.deduped, other.deduped], [false, true, true])
      assert.deepStrictEqual(other.run, first.run)
    }).pipe(Effect.provide(layerGate))
  )
})

describe("one identity", () => {
  it.effect("dispatched fifty times at once is one run, of the first one's initiator", () =>
    Effect.gen(function* () {
      const payload = freshScope()
      const dispatched = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, at) => `user-${at}`),
        (initiator) => dispatching({ payload, initiator }),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(dispatched.map(({ run }) => run.dispatch.id)).size, 1)
      assert.strictEqual(dispatched.filter(({ deduped }) => !deduped).length, 1)
      const first = dispatched.find(({ deduped }) => !deduped)?.run.dispatch.subject.authority
      for (const { run } of dispatched) assert.deepStrictEqual(run.dispatch.subject.authority, first)
      const { runs } = yield* (yield* RunStore).list({ limit: 100 })
      assert.strictEqual(runs.length, 1)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("does not depend on the order of keys, and does on everything else in the payload", () =>
    Effect.gen(function* () {
      yield* dispatching({ payload: { a: 1, b: { c: 2, d: [1, 2] } } })
      assert.isTrue((yield* dispatching({ payload: { b: { d: [1, 2], c: 2 }, a: 1 } })).deduped)
      assert.isFalse((yield* dispatching({ payload: { b: { d: [2, 1], c: 2 }, a: 1 } })).deduped)
    }).pipe(Effect.provide(layerGate))
  )

  it.effect("is free again once its run has ended", () =>
    Effect.gen(function* () {
      yield* settle
      const gate = yield* Countersign
      const payload = freshScope()
      const { run } = yield* dispatching({ payload })
      yield* gate.cancel(run.dispatch.id, { kind: "human", id: null })
      const again = yield* dispatching({ payload })
      assert.isFalse(again.deduped)
      assert.notStrictEqual(again.run.dispatch.id, run.dispatch.id)
    }).pipe(Effect.provide(layerGate))
  )
})

describe("a store that is away", () => {
  it.effect("fails the dispatch, typed; nothing is stored, and the same dispatch succeeds later", () =>
    Effect.gen(function* () {
      yield* storeAway
      const payload = freshScope()
      const error = yield* Effect.flip(dispatching({ payload }))
      assert.strictEqual(error._tag, "StoreUnavailable")
      yield* calm
      assert.isFalse((yield* dispatching({ payload })).deduped)
    }).pipe(Effect.provide(layerGate))
  )
})

/** What a caller without types might send. */
const untyped = (request: Record<string, unknown>): UntypedDispatchRequest => {
  const typed: UntypedDispatchRequest = { workspaceId, operationType: "", payload: null, systemAuthority: true }
  Reflect.deleteProperty(typed, "systemAuthority")
  return Object.assign(typed, request)
}
