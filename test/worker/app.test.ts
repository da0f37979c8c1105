/** A host's app: what it may be made of, checked by the compiler and when it is loaded. */
import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { Facts, NOTHING_KNOWN, NoticeChannel, Operation, RunStore, WorkspaceId } from "@countersign/domain"
import { Countersign, defineApp, Handler, isApp, Worker } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"

class Mailer extends Context.Service<Mailer, { readonly send: (to: string) => Effect.Effect<number> }>()(
  "test/worker/app/Mailer"
) {}

const greet = Operation.make({
  type: "greet",
  systemAuthority: true,
  payload: Schema.Struct({ to: Schema.String }),
  result: Schema.Int
})
const handler = Handler.make(greet, ({ to }) => Effect.flatMap(Mailer, ({ send }) => send(to)))
const layer = Layer.succeed(Mailer, { send: (to) => Effect.succeed(to.length) })
const nobody = Layer.succeed(NoticeChannel, { deliver: () => Effect.void })

describe("an app", () => {
  it("is known again, and nothing else is", () => {
    assert.isTrue(isApp(defineApp({ operations: [], handlers: [] })))
    for (const other of [null, 1, "app", {}, { operations: [], handlers: [] }]) assert.isFalse(isApp(other))
  })

  it("that contradicts itself is refused when it is made", () => {
    const wrong = { operations: [greet, greet], handlers: [handler], layer }
    assert.throws(() => defineApp(wrong), /declared twice/)
    assert.throws(() => defineApp({ ...wrong, operations: [greet], handlers: [handler, handler] }), /two handlers/)
    assert.throws(() => defineApp({ ...wrong, operations: [] }), /not among the operations/)
  })

  it("whose handlers need something does not compile without it", () => {
    // @ts-expect-error nobody provides the mailer
    defineApp({ operations: [greet], handlers: [handler] })
    // @ts-expect-error something else is provided
    defineApp({ operations: [greet], handlers: [handler], layer: nobody })
  })

  it.live("answers facts itself, where it brings a source of its own", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const facts = Layer.succeed(Facts, {
        read: (requests) =>
          Effect.sync(() =>
            requests.map(({ subject: { operationType, scope } }) => {
              asked.push(operationType)
              const workspace = { id: scope.workspaceId, open: true }
              return { facts: { ...NOTHING_KNOWN, workspace }, fenced: false, sources: { workspace: "the host" } }
            })
          )
      })
      const app = defineApp({ operations: [greet], handlers: [handler], layer, facts })
      assert.strictEqual(app.facts, facts)
      const gate = yield* Layer.build(Countersign.layer({ catalogue: app.catalogue }))
      const { run } = yield* Context.get(gate, Countersign).dispatchUntyped({
        operationType: "greet",
        systemAuthority: true,
        workspaceId: "known to the host alone",
        payload: { to: "you" }
      })
      const worked = Effect.flatMap(Worker, ({ drained }) => drained)
      yield* Effect.provide(worked, app.layerWorker({ pollMillis: 20 }, nobody))
      const store = yield* RunStore
      assert.strictEqual((yield* store.find(run.dispatch.id))._tag, "Succeeded")
      assert.deepStrictEqual(asked, ["greet"])
    }).pipe(Effect.scoped, Effect.provide(layerMemory))
  )

  it.live("gives its handlers what they need", () =>
    Effect.gen(function* () {
      const app = defineApp({ operations: [greet], handlers: [handler], layer })
      const authority = yield* MemoryAuthority
      yield* authority.setWorkspace({ id: WorkspaceId.make("w"), open: true })
      const gate = yield* Layer.build(Countersign.layer({ catalogue: app.catalogue }))
      const { run } = yield* Context.get(gate, Countersign).dispatchUntyped({
        operationType: "greet",
        systemAuthority: true,
        workspaceId: "w",
        payload: { to: "you" }
      })
      const worked = Effect.flatMap(Worker, ({ drained }) => drained)
      yield* Effect.provide(worked, app.layerWorker({ pollMillis: 20 }, nobody))
      const store = yield* RunStore
      const ended = yield* store.find(run.dispatch.id)
      assert.strictEqual(ended._tag === "Succeeded" ? ended.result : ended._tag, 3)
    }).pipe(Effect.scoped, Effect.provide(layerMemory))
  )
})
