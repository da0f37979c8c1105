/** The pages about runs, mounted in two hosts: Express and Hono. Both recognise viewers by the same signed token. */
import { once } from "node:events"
import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { layerTokenViewer, monitoringHandler } from "@countersign/adapters/monitoring"
import { Role, UserId, WorkspaceId } from "@countersign/domain"
import { sampleCatalogue } from "@countersign/worker"
import { getRequestListener, serve } from "@hono/node-server"
import { Effect, Layer, Redacted } from "effect"
import express from "express"
import { Hono } from "hono"
import { SignJWT } from "jose"

const secret = "replace me by thirty-two bytes or more"

// 1. Where runs and facts are (a database, in a host that is not an example), and who vouches for viewers.
const store = Layer.effectDiscard(
  Effect.gen(function* () {
    const book = yield* MemoryAuthority
    const north = WorkspaceId.make("north")
    yield* book.setWorkspace({ id: north, open: true })
    yield* book.setUser({ id: UserId.make("ada"), name: "Ada", disabled: false })
    yield* book.setMembership(north, UserId.make("ada"), Role.make("operator"))
  })
).pipe(Layer.provideMerge(layerMemory))
const viewers = layerTokenViewer({
  keys: { secret: Redacted.make(secret) },
  issuer: "my-app",
  audience: "operations",
  cookie: "session"
})
const monitoring = monitoringHandler({ catalogue: sampleCatalogue }, Layer.merge(store, viewers))

// 2. In Express: the path is left as it is.
const inExpress = express()
inExpress.all(["/admin/operations", "/admin/operations/*path"], getRequestListener(monitoring.handle))

// 3. In Hono.
const inHono = new Hono()
inHono.all("/admin/operations", (c) => monitoring.handle(c.req.raw))
inHono.all("/admin/operations/*", (c) => monitoring.handle(c.req.raw))

// 4. Ada looks at both; somebody who is not signed in, and somebody of elsewhere, see nothing.
const signed = (user: string) =>
  new SignJWT({ iss: "my-app", aud: "operations", sub: user })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("5 minutes")
    .sign(new TextEncoder().encode(secret))

const expressServer = inExpress.listen(0, "127.0.0.1")
const honoServer = serve({ fetch: inHono.fetch, port: 0, hostname: "127.0.0.1" })
for (const [name, server] of [
  ["Express", expressServer],
  ["Hono", honoServer]
] as const) {
  if (!server.listening) await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const status = async (cookie: string) =>
    (await fetch(`http://127.0.0.1:${port}/admin/operations`, { headers: { cookie } })).status
  const [ada, nobody, zoe] = [
    await status(`session=${await signed("ada")}`),
    await status(""),
    await status(`session=${await signed("zoe")}`)
  ]
  console.log(`${name}: Ada ${ada}, nobody ${nobody}, Zoe of elsewhere ${zoe}`)
  server.close()
}
await monitoring.close()
