/**
 * Monitoring: the list of a workspace's runs and the page of one run, read-only. As routes for a host that uses Effect, and as a
 * web-standard handler for every other one.
 *
 * Contract section 9.
 */
import {
  type AuditLog,
  type Catalogue,
  type Entitlements,
  type Facts,
  isCompleted,
  type Pauses,
  type RunBoard
} from "@countersign/domain"
import { Cause, Deferred, Effect, Layer, Option, Stream } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { ASSETS, LIST, LIST_LIVE, runAddress, VIEWER } from "./Address.ts"
import { readAssets } from "./assets.ts"
import { listContent, runContent } from "./contents.ts"
import { textOf } from "./Html.ts"
import { forEver, forThisViewer } from "./headers.ts"
import { DEMO_COOKIE } from "./identity/demoViewer.ts"
import { type ListRequest, listRequestIn, wholeId } from "./ListRequest.ts"
import { type LiveOptions, liveResponse, liveStream, type Moment } from "./live.ts"
import { layout, type Page } from "./pages/layout.ts"
import { listMain, listPage } from "./pages/listPage.ts"
import { FORBIDDEN, NOT_FOUND, NOT_SIGNED_IN, UNAVAILABLE } from "./pages/notes.ts"
import { runMain, runPage } from "./pages/runPage.ts"
import { type Asking, type Viewer, ViewerIdentity } from "./Viewer.ts"

/** What the pages read. */
export type MonitoringPorts = AuditLog | Entitlements | Facts | Pauses | RunBoard | ViewerIdentity

/** How the pages are set up. */
export interface MonitoringOptions {
  /** The host's operations: what they are called, and who may look at their runs. */
  readonly catalogue: Catalogue
  /** How often open pages look for changes, membership included; two seconds unless given. */
  readonly livePollMillis?: number
  /** How long one stream of changes lasts before the browser asks anew; five minutes unless given. */
  readonly liveLastsMillis?: number
}

const LIVE: LiveOptions = { pollMillis: 2_000, lastsMillis: 5 * 60_000 }

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse

const askingIn = (request: Request): Asking => ({
  headers: request.headers,
  cookies: request.cookies,
  peerAddress: Option.getOrNull(request.peerAddress)
})

/** A target of which no URL can be made, such as one with a port beyond all ports, asks for nothing in particular. */
const paramsIn = (request: Request): URLSearchParams =>
  URL.parse(request.url, "http://here")?.searchParams ?? new URLSearchParams()

const routesOf = Effect.fnUntraced(function* (router: HttpRouter.HttpRouter, options: MonitoringOptions) {
  const { catalogue } = options
  const live = {
    pollMillis: options.livePollMillis ?? LIVE.pollMillis,
    lastsMillis: options.liveLastsMillis ?? LIVE.lastsMillis
  }
  const assets = yield* Effect.sync(readAssets)
  const identity = yield* ViewerIdentity
  const context = yield* Effect.context<Exclude<MonitoringPorts, ViewerIdentity>>()
  // Of the web-standard handler nothing else ends a stream: what it reads would be closed below it.
  const closed = yield* Deferred.make<void>()
  yield* Effect.addFinalizer(() => Deferred.succeed(closed, undefined))

  const shown = (page: Page & { readonly status?: number }, viewer: Viewer | null) =>
    Effect.map(textOf(layout({ assets, viewer, choices: identity.choices }, page)), (text) =>
      forThisViewer(
        HttpServerResponse.text(text, { status: page.status ?? 200, contentType: "text/html; charset=utf-8" })
      )
    )

  /** A short answer for who does not read pages: the end of a stream that never began. */
  const refused = (status: number) =>
    Effect.succeed(forThisViewer(HttpServerResponse.text("There is nothing to see here.", { status })))

  const unavailable = (cause: Cause.Cause<unknown>) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.interrupt
      : Effect.logWarning("a page of Monitoring could not be made", cause).pipe(
          Effect.andThen(shown(UNAVAILABLE, null)),
          Effect.map(HttpServerResponse.setHeader("retry-after", "5"))
        )

  /** Answers who is known; whatever goes wrong is told without saying what. */
  const forViewer = <E>(
    answer: (viewer: Viewer, request: Request) => Effect.Effect<Response, E, Exclude<MonitoringPorts, ViewerIdentity>>
  ) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.flatMap(
        Effect.suspend(() => identity.identify(askingIn(request))),
        (viewer) => (viewer === null ? shown(NOT_SIGNED_IN, null) : answer(viewer, request))
      ).pipe(Effect.provide(context), Effect.catchCause(unavailable))
    )

  const runId = Effect.map(HttpRouter.params, ({ run }) => run ?? "")

  yield* router.add(
    "GET",
    LIST,
    forViewer((viewer, request) =>
      Effect.gen(function* () {
        const asked = listRequestIn(paramsIn(request))
        const id = wholeId(asked)
        if (id !== null) return forThisViewer(HttpServerResponse.redirect(runAddress(id), { status: 303 }))
        const content = yield* listContent(viewer.userId, asked, catalogue)
        return yield* shown(content === null ? NOT_FOUND : listPage(content), viewer)
      })
    )
  )

  yield* router.add(
    "GET",
    `${LIST}/:run`,
    Effect.flatMap(runId, (id) =>
      forViewer((viewer) =>
        Effect.gen(function* () {
          const content = yield* runContent(viewer.userId, id, catalogue)
          if (content === "hidden") return yield* shown(NOT_FOUND, viewer)
          return yield* shown(content === "forbidden" ? FORBIDDEN : runPage(content), viewer)
        })
      )
    )
  )

  const listMoment = (viewer: Viewer, asked: ListRequest) =>
    Effect.map(listContent(viewer.userId, asked, catalogue), (content): Moment | null =>
      content === null ? null : { main: listMain(content), isFinal: false }
    )

  const streamed = <E>(
    moment: Effect.Effect<Moment | null, E, Exclude<MonitoringPorts, ViewerIdentity>>,
    { untilMillis }: Viewer
  ) => {
    const stream = liveStream(Effect.provide(moment, context), untilMillis, live)
    return forThisViewer(liveResponse(Stream.interruptWhen(stream, Deferred.await(closed))))
  }

  yield* router.add(
    "GET",
    LIST_LIVE,
    forViewer((viewer, request) =>
      Effect.gen(function* () {
        const moment = listMoment(viewer, listRequestIn(paramsIn(request)))
        return (yield* moment) === null ? yield* refused(404) : streamed(moment, viewer)
      })
    )
  )

  yield* router.add(
    "GET",
    `${LIST}/:run/live`,
    Effect.flatMap(runId, (id) =>
      forViewer((viewer) =>
        Effect.gen(function* () {
          const content = runContent(viewer.userId, id, catalogue)
          const first = yield* content
          if (first === "hidden") return yield* refused(404)
          if (first === "forbidden") return yield* refused(403)
          const moment = Effect.map(content, (now): Moment | null =>
            typeof now === "string" ? null : { main: runMain(now), isFinal: isCompleted(now.found.run) }
          )
          return streamed(moment, viewer)
        })
      )
    )
  )

  yield* router.add(
    "GET",
    `${ASSETS}/:name`,
    Effect.flatMap(HttpRouter.params, ({ name }) => {
      const asset = assets.byName.get(name ?? "")
      if (asset === undefined) return refused(404)
      return Effect.succeed(forEver(HttpServerResponse.uint8Array(asset.content, { contentType: asset.contentType })))
    })
  )

  if (identity.choices.length > 0) {
    yield* router.add(
      "POST",
      VIEWER,
      forViewer((_, request) =>
        Effect.gen(function* () {
          // Whoever sends the form from elsewhere is told by where it comes from.
          if (request.headers.origin !== `http://${request.headers.host}`) return yield* refused(403)
          const chosen = new URLSearchParams(yield* request.text).get("viewer") ?? ""
          const viewer = identity.choices.find(({ userId }) => userId === chosen)
          if (viewer === undefined) return yield* refused(404)
          const back = forThisViewer(HttpServerResponse.redirect(LIST, { status: 303 }))
          return HttpServerResponse.setCookieUnsafe(back, DEMO_COOKIE, viewer.userId, {
            path: LIST,
            httpOnly: true,
            sameSite: "strict"
          })
        })
      )
    )
  }
})

/** The pages as routes of a host's router. */
export const layerMonitoring = (options: MonitoringOptions) => HttpRouter.use((router) => routesOf(router, options))

/** Monitoring for hosts that speak `Request` and `Response`. */
export interface MonitoringHandler {
  /** Answers what is below `/admin/operations`. */
  readonly handle: (request: globalThis.Request) => Promise<globalThis.Response>
  /** Ends open streams and closes what the ports hold. */
  readonly close: () => Promise<void>
}

/** The pages as one web-standard function, over these ports. */
export const monitoringHandler = <E>(
  options: MonitoringOptions,
  ports: Layer.Layer<MonitoringPorts, E>
): MonitoringHandler => {
  const routes = layerMonitoring(options).pipe(Layer.provide(ports))
  const { handler, dispose } = HttpRouter.toWebHandler(routes, { disableLogger: true })
  return { handle: (request) => handler(request), close: dispose }
}
