/** A host's app: what it may be made of, checked by the compiler and when it is loaded. */
import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { NoticeChannel, Operation, RunStore, WorkspaceId } from "@countersign/domain"
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
    assert.throws(() => defineApp({ ...wrong, operations: [] }), /not among the app's operations/)
  })

  it("whose handlers need something does not compile without it", () => {
    // @ts-expect-error nobody provides the mailer
    defineApp({ operations: [greet], handlers: [handler] })
    // @ts-expect-error something else is provided
    defineApp({ operations: [greet], handlers: [handler], layer: nobody })
  })

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
