/** A provider to try things on: a real HTTP server on this machine that holds each customer's estate in memory. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { json } from "node:stream/consumers"
import { Effect, Schema, type Scope } from "effect"
import { type Estate, type Item, makeEstate } from "./Estate.ts"

/** One request that reached the provider. */
export interface Received {
  readonly estate: string
  readonly method: string
  readonly path: string
}

/** The running provider. */
export interface FakeProvider {
  /** Where an estate is reached. */
  readonly urlOf: (estate: string) => string
  /** What opens an estate. */
  readonly tokenOf: (estate: string) => string
  /** The estate of that name, made when it is first asked for. */
  readonly estate: (name: string) => Estate
  /** Every request, in order. */
  readonly received: ReadonlyArray<Received>
  /** Called with each request before it is answered; whatever it does is done by then. */
  onRequest: (request: Received) => Promise<void>
}

/** The credentials of an estate at every fake provider. */
export const tokenOf = (estate: string): string => `token of ${estate}`

/** How many items one page holds. */
const PAGE = 3

const Policy = Schema.Struct({ id: Schema.String, name: Schema.String })
const decodePolicy = Schema.decodeUnknownSync(Policy)

/** Listens until the scope closes; on a free port unless one is given. */
export const startFakeProvider = (port = 0): Effect.Effect<FakeProvider, never, Scope.Scope> =>
  Effect.gen(function* () {
    const estates = new Map<string, Estate>()
    const received: Array<Received> = []
    const provider: FakeProvider = {
      urlOf: (name) => `http://127.0.0.1:${portOf(server)}/${name}`,
      tokenOf,
      estate: (name) => {
        const known = estates.get(name) ?? makeEstate(tokenOf(name))
        estates.set(name, known)
        return known
      },
      received,
      onRequest: () => Promise.resolve()
    }
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://provider")
      const [, name = "", ...path] = url.pathname.split("/")
      const seen = { estate: name, method: request.method ?? "", path: path.join("/") }
      received.push(seen)
      void provider
        .onRequest(seen)
        .then(() => answer(provider.estate(name), path, url, request, response))
        .catch(() => response.writeHead(500).end())
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(port, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    return provider
  })

const portOf = (server: Server): number => {
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the provider does not listen")
  return address.port
}

const answer = async (
  estate: Estate,
  [kind = "", id = ""]: ReadonlyArray<string>,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> => {
  const say = (status: number, body?: unknown) =>
    response.writeHead(status, { "content-type": "application/json" }).end(body && JSON.stringify(body))
  const trouble = estate.troubles.shift() ?? "none"
  if (trouble !== "none") {
    if (trouble.retryAfterSeconds !== undefined) response.setHeader("retry-after", trouble.retryAfterSeconds)
    return void say(trouble.status)
  }
  if (request.headers.authorization !== `Bearer ${estate.token}`) return void say(401)

  switch (`${request.method} ${kind}`) {
    case "GET health":
      return void say(200, { provider: "Fake Provider 1.0" })
    case "GET devices":
      return void say(200, pageOf(estate.devices, url))
    case "GET groups":
      return void say(200, [...estate.groups.values()])
    case "GET policies":
      return void say(200, pageOf(estate.policies, url))
    case "PUT policies":
      estate.policies.set(id, decodePolicy(await json(request)))
      return void say(204)
    case "DELETE policies":
      if (estate.locked.has(id)) return void say(423)
      return void say(estate.policies.delete(id) ? 204 : 404)
    default:
      return void say(404)
  }
}

/** The page that begins after `after`; `next` is null on the last one. */
const pageOf = (all: ReadonlyMap<string, Item>, url: URL) => {
  const sorted = [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const rest = sorted.filter(({ id }) => id > (url.searchParams.get("after") ?? ""))
  const items = rest.slice(0, PAGE)
  return { items, next: rest.length > PAGE ? (items.at(-1)?.id ?? null) : null }
}
