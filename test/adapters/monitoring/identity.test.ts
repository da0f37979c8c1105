/** Who is looking: tokens, trusted headers, one's own machine. */
import { createServer } from "node:http"
import {
  type Asking,
  DEMO_COOKIE,
  layerDemoViewer,
  layerFixedViewer,
  layerHeaderViewer,
  layerTokenViewer,
  type TokenViewerOptions,
  ViewerIdentity
} from "@countersign/adapters/monitoring"
import { UserId } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Redacted } from "effect"
import { exportJWK, generateKeyPair, SignJWT } from "jose"

const asking = (given: Partial<Asking> = {}): Asking => ({
  headers: { host: "127.0.0.1:4646" },
  cookies: {},
  peerAddress: "127.0.0.1",
  ...given
})

const identified = (identity: Layer.Layer<ViewerIdentity>, given: Partial<Asking>) =>
  Effect.provide(
    Effect.flatMap(ViewerIdentity, ({ identify }) => identify(asking(given))),
    identity
  )

const isNobody = Effect.fnUntraced(function* (identity: Layer.Layer<ViewerIdentity>, given: Partial<Asking>) {
  assert.isNull(yield* identified(identity, given), JSON.stringify(given))
})

const SECRET = "a secret of more than thirty-two bytes"
const token = (claims: Record<string, unknown>, secret = SECRET, alg = "HS256") =>
  Effect.promise(() => new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret)))

const soon = () => Math.floor(Date.now() / 1_000) + 600

describe("a signed token", () => {
  const options: TokenViewerOptions = {
    keys: { secret: Redacted.make(SECRET) },
    issuer: "login",
    audience: "operations",
    cookie: "session"
  }
  const viewers = layerTokenViewer(options)
  const right = () => ({ sub: "ada", name: "Ada", iss: "login", aud: "operations", exp: soon() })

  it.live("names its viewer, in the cookie or as a bearer, until it expires", () =>
    Effect.gen(function* () {
      const claims = right()
      const signed = yield* token(claims)
      const viewer = { userId: UserId.make("ada"), name: "Ada", untilMillis: claims.exp * 1_000 }
      assert.deepEqual(yield* identified(viewers, { cookies: { session: signed } }), viewer)
      assert.deepEqual(yield* identified(viewers, { headers: { authorization: `Bearer ${signed}` } }), viewer)
    })
  )

  it.live("counts for nothing with another issuer, audience, key or method, expired, endless or of nobody", () =>
    Effect.gen(function* () {
      const { exp: _, ...endless } = right()
      const wrong = [
        yield* token({ ...right(), iss: "elsewhere" }),
        yield* token({ ...right(), aud: "another" }),
        yield* token({ ...right(), exp: soon() - 1_200 }),
        yield* token(endless),
        yield* token({ ...right(), sub: "" }),
        yield* token({ ...right(), sub: 7 }),
        yield* token(right(), "another secret of more than thirty-two bytes"),
        yield* token(right(), `${SECRET}${SECRET}`, "HS512"),
        `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify(right())).toString("base64url")}.`,
        "not a token",
        ""
      ]
      for (const session of wrong) yield* isNobody(viewers, { cookies: { session } })
      yield* isNobody(viewers, {})
      yield* isNobody(viewers, { cookies: { other: yield* token(right()) } })
    })
  )

  it("a secret that is too short is refused at once", () => {
    assert.throws(() => layerTokenViewer({ ...options, keys: { secret: Redacted.make("short") } }), RangeError)
  })

  it.live("is checked with the issuer's keys, and nobody is let in while they cannot be read", () =>
    Effect.gen(function* () {
      const { publicKey, privateKey } = yield* Effect.promise(() => generateKeyPair("ES256"))
      const jwk = { ...(yield* Effect.promise(() => exportJWK(publicKey))), kid: "one", alg: "ES256" }
      let isUp = false
      const server = createServer((_, response) => {
        response.statusCode = isUp ? 200 : 500
        response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: [jwk] }))
      })
      const port = yield* Effect.callback<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(typeof address === "object" && address !== null ? Effect.succeed(address.port) : Effect.die("no port"))
        })
      })
      const signed = yield* Effect.promise(() =>
        new SignJWT(right()).setProtectedHeader({ alg: "ES256", kid: "one" }).sign(privateKey)
      )
      const byKeys = layerTokenViewer({ ...options, keys: { jwksUrl: new URL(`http://127.0.0.1:${port}/keys`) } })
      const refused = yield* Effect.flip(identified(byKeys, { cookies: { session: signed } }))
      assert.strictEqual(refused._tag, "IdentityUnavailable")
      isUp = true
      assert.strictEqual((yield* identified(byKeys, { cookies: { session: signed } }))?.userId, UserId.make("ada"))
      // With keys of an issuer no shared secret counts.
      yield* isNobody(byKeys, { cookies: { session: yield* token(right()) } })
      yield* Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
      })
    })
  )
})

describe("a trusted header", () => {
  const secret = { header: "x-proxy-secret", value: Redacted.make("between us") }

  it.effect("counts when the proxy sent it, and from nobody else", () =>
    Effect.gen(function* () {
      const byAddress = layerHeaderViewer({
        header: "X-User",
        nameHeader: "X-Name",
        proxy: { addresses: ["10.0.0.2"] }
      })
      const headers = { "x-user": "ada", "x-name": "Ada" }
      const viewer = { userId: UserId.make("ada"), name: "Ada", untilMillis: null }
      assert.deepEqual(yield* identified(byAddress, { headers, peerAddress: "10.0.0.2" }), viewer)
      assert.deepEqual(yield* identified(byAddress, { headers, peerAddress: "::ffff:10.0.0.2" }), viewer)
      yield* isNobody(byAddress, { headers, peerAddress: "10.0.0.3" })
      yield* isNobody(byAddress, { headers, peerAddress: null })
      yield* isNobody(byAddress, { peerAddress: "10.0.0.2" })

      const bySecret = layerHeaderViewer({ header: "x-user", proxy: { secret } })
      const told = { ...headers, "x-proxy-secret": "between us" }
      assert.strictEqual(
        (yield* identified(bySecret, { headers: told, peerAddress: null }))?.userId,
        UserId.make("ada")
      )
      yield* isNobody(bySecret, { headers })
      yield* isNobody(bySecret, { headers: { ...headers, "x-proxy-secret": "between u" } })

      // A secret that nobody has set is none.
      const unset = layerHeaderViewer({ header: "x-user", proxy: { secret: { ...secret, value: Redacted.make("") } } })
      yield* isNobody(unset, { headers: { ...headers, "x-proxy-secret": "" } })

      const byBoth = layerHeaderViewer({ header: "x-user", proxy: { addresses: ["10.0.0.2"], secret } })
      yield* isNobody(byBoth, { headers: told, peerAddress: "10.0.0.3" })
      yield* isNobody(byBoth, { headers, peerAddress: "10.0.0.2" })
      assert.isNotNull(yield* identified(byBoth, { headers: told, peerAddress: "10.0.0.2" }))
    })
  )

  it("is refused at once when everybody could send it", () => {
    assert.throws(() => layerHeaderViewer({ header: "x-user", proxy: {} }), RangeError)
  })
})

describe("one's own machine", () => {
  const eve = { userId: UserId.make("eve"), name: "Eve" }
  const ada = { userId: UserId.make("ada"), name: "Ada" }

  it.effect("only from it, asked for by its name, and through no proxy that says it is one", () =>
    Effect.gen(function* () {
      for (const viewers of [layerFixedViewer(eve.userId), layerDemoViewer([eve, ada])]) {
        for (const peerAddress of ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"]) {
          for (const host of ["localhost", "localhost:80", "127.0.0.1:4646", "[::1]:4646"]) {
            assert.strictEqual((yield* identified(viewers, { peerAddress, headers: { host } }))?.userId, eve.userId)
          }
        }
        for (const peerAddress of [null, "10.0.0.2", "::2", "1127.0.0.1"]) yield* isNobody(viewers, { peerAddress })
        for (const host of [undefined, "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example"]) {
          yield* isNobody(viewers, { headers: { host } })
        }
        yield* isNobody(viewers, { headers: { host: "localhost", "x-forwarded-for": "10.0.0.9" } })
        yield* isNobody(viewers, { headers: { host: "localhost", forwarded: "for=10.0.0.9" } })
        for (const header of ["via", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]) {
          yield* isNobody(viewers, { headers: { host: "localhost", [header]: "1.1 gate" } })
        }
      }
    })
  )

  it.effect("a demo's viewer is the one that was chosen, of those there are", () =>
    Effect.gen(function* () {
      const viewers = layerDemoViewer([eve, ada])
      assert.strictEqual((yield* identified(viewers, { cookies: { [DEMO_COOKIE]: "ada" } }))?.userId, ada.userId)
      assert.strictEqual((yield* identified(viewers, { cookies: { [DEMO_COOKIE]: "root" } }))?.userId, eve.userId)
    })
  )
})
