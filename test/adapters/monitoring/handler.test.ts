/** The pages without a browser: hosts that break, targets that no browser sends, and what becomes of streams. */
import { get } from "node:http"
import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { monitoringHandler, ViewerIdentity } from "@countersign/adapters/monitoring"
import { Role, UserId, WorkspaceId } from "@countersign/domain"
import { sampleCatalogue } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { serveMonitoring } from "../../../packages/worker/src/MonitoringServer.ts"

const ada = { userId: UserId.make("ada"), name: null, untilMillis: null }

const store = Layer.effectDiscard(
  Effect.gen(function* () {
    const book = yield* MemoryAuthority
    const north = WorkspaceId.make("north")
    yield* book.setWorkspace({ id: north, open: true })
    yield* book.setUser({ id: ada.userId, name: "Ada", disabled: false })
    yield* book.setMembership(north, ada.userId, Role.make("operator"))
  })
).pipe(Layer.provideMerge(layerMemory))

type Identify = ViewerIdentity["Service"]["identify"]

/** The pages for whom `identify` recognises; closed with the scope. */
const pagesFor = (identify: Identify) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      monitoringHandler(
        { catalogue: sampleCatalogue, livePollMillis: 1 },
        Layer.merge(store, Layer.succeed(ViewerIdentity, { identify, choices: [] }))
      )
    ),
    ({ close }) => Effect.promise(close)
  )

const asked = (pages: Effect.Success<ReturnType<typeof pagesFor>>, target: string) =>
  Effect.promise(() => pages.handle(new Request(new URL(target, "http://here"))))

describe("the pages", () => {
  it.live("a host that breaks while it recognises viewers is told without saying what, and the page is guarded", () =>
    Effect.gen(function* () {
      const pages = yield* pagesFor(() => {
        throw new Error("a cookie that is no JSON")
      })
      const response = yield* asked(pages, "/admin/operations")
      assert.strictEqual(response.status, 503)
      assert.strictEqual(response.headers.get("cache-control"), "private, no-store")
      assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/)
      assert.notInclude(yield* Effect.promise(() => response.text()), "JSON")
    })
  )

  it.live("a target that is no address is answered as one that asks for nothing in particular", () =>
    Effect.gen(function* () {
      const url = new URL(yield* serveMonitoring({ catalogue: sampleCatalogue, host: "127.0.0.1", port: 0 }))
      const statusOf = (path: string) =>
        Effect.callback<number | undefined>((resume) => {
          get({ host: url.hostname, port: url.port, path, agent: false }, (response) => {
            response.resume()
            resume(Effect.succeed(response.statusCode))
          })
        })
      assert.strictEqual(yield* statusOf(`http://elsewhere${url.pathname}?workspace=south`), 404)
      assert.strictEqual(yield* statusOf(`http://elsewhere:99999${url.pathname}?workspace=south`), 200)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.merge(store, Layer.succeed(ViewerIdentity, { identify: () => Effect.succeed(ada), choices: [] }))
      )
    )
  )

  it.live("an address that says what nobody understands, a page that is none as well, is told so", () =>
    Effect.gen(function* () {
      const pages = yield* pagesFor(() => Effect.succeed(ada))
      const response = yield* asked(pages, "/admin/operations?status=odd&older=nonsense")
      assert.include(
        yield* Effect.promise(() => response.text()),
        "Left out, because it is not understood: Status, Page."
      )
    })
  )

  it.live("closing the web-standard function ends the streams that are open", () =>
    Effect.gen(function* () {
      const pages = yield* pagesFor(() => Effect.succeed(ada))
      const { body } = yield* asked(pages, "/admin/operations/live")
      const reader = body?.getReader()
      assert.isFalse((yield* Effect.promise(async () => reader?.read()))?.done)
      yield* Effect.promise(pages.close)
      yield* Effect.promise(async () => {
        while ((await reader?.read())?.done === false);
      })
    })
  )
})
