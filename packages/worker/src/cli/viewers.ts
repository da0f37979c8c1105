/** Who may look at the pages, as the command line and the environment say. */
import { isIP } from "node:net"
import type { ViewerIdentity } from "@countersign/adapters/monitoring"
import { UserId } from "@countersign/domain"
import { Effect, type Layer, Option, Record as Records, Redacted, Schema } from "effect"
import { Flag } from "effect/cli"
import { messageOf } from "../messageOf.ts"
import { type CliFailure, cliFailure } from "./CliFailure.ts"
import { quoted } from "./render/Style.ts"
import { variable } from "./Settings.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

/** The flags that say how viewers are recognised. Secrets come from the environment alone. */
export const viewerFlags = {
  as: text("as", "USER", "Look as this person, from this machine only"),
  issuer: text("issuer", "NAME", "Viewers bring a token (JWT) of this issuer"),
  audience: text("audience", "NAME", "The audience that the token is for"),
  jwks: text("jwks", "URL", "The issuer's keys; without it COUNTERSIGN_VIEWER_SECRET is the shared secret"),
  cookie: text("viewer-cookie", "NAME", "The cookie that holds the token; without it only Authorization: Bearer"),
  header: text("viewer-header", "NAME", "A proxy in front names the viewer in this header"),
  proxy: text("proxy", "ADDRESS", "The address that the proxy connects from; also COUNTERSIGN_PROXY_SECRET"),
  secretHeader: text("proxy-secret-header", "NAME", "The header in which the proxy sends COUNTERSIGN_PROXY_SECRET")
}

/** Loaded by the commands that serve pages alone: what checks tokens and makes pages has no business in the others' start. */
const monitoring = Effect.promise(() => import("@countersign/adapters/monitoring"))

const flagNames = Records.keys(viewerFlags)

type Given = { readonly [K in keyof typeof viewerFlags]: Option.Option<string> }

/** Whether anything is said about viewers. */
export const saysWhoLooks = (given: Given): boolean => flagNames.some((name) => Option.isSome(given[name]))

const HOW =
  "say how: --as USER on your own machine; --issuer and --audience for tokens; or --viewer-header behind a proxy"

/** How viewers are recognised; fails when that is not said, or not safe. */
export const viewersOf = (given: Given): Effect.Effect<Layer.Layer<ViewerIdentity>, CliFailure> => {
  const ways = [given.as, given.issuer, given.header].filter(Option.isSome)
  if (ways.length === 0) return Effect.fail(cliFailure("viewers.unknown", "nothing says who is looking", HOW))
  if (ways.length > 1)
    return Effect.fail(cliFailure("viewers.contradictory", "two ways to tell who is looking", "choose one"))
  if (Option.isSome(given.as)) return byName(given.as.value)
  return Option.isSome(given.issuer) ? byToken(given, given.issuer.value) : byHeader(given)
}

const byName = Effect.fnUntraced(function* (name: string) {
  const { layerFixedViewer } = yield* monitoring
  const userId = yield* Effect.mapError(Schema.decodeEffect(UserId)(name), () =>
    cliFailure("argument.invalid", "the viewer's id is not valid", "give --as the id of a user")
  )
  return layerFixedViewer(userId)
})

/** What a programmer is told by an exception, a person at the command line is told in words. */
const made = (layer: () => Layer.Layer<ViewerIdentity>) =>
  Effect.try({
    try: layer,
    catch: (error) => cliFailure("viewers.unsafe", messageOf(error))
  })

const byToken = Effect.fnUntraced(function* ({ audience, jwks, cookie }: Given, issuer: string) {
  if (Option.isNone(audience)) {
    return yield* cliFailure("viewers.unsafe", "a token of any audience would do", "say which with --audience")
  }
  const secret = yield* variable("COUNTERSIGN_VIEWER_SECRET")
  const address = Option.isSome(jwks) ? URL.parse(jwks.value) : null
  if (Option.isSome(jwks) && (address === null || !["https:", "http:"].includes(address.protocol))) {
    return yield* cliFailure(
      "argument.invalid",
      "the address of the issuer's keys is not a URL",
      "give --jwks https://…"
    )
  }
  if (address === null && Option.isNone(secret)) {
    return yield* cliFailure(
      "viewers.unsafe",
      "tokens cannot be checked",
      "give --jwks URL or set COUNTERSIGN_VIEWER_SECRET"
    )
  }
  const { layerTokenViewer } = yield* monitoring
  const keys = address === null ? { secret: Redacted.make(Option.getOrElse(secret, () => "")) } : { jwksUrl: address }
  const named = Option.isSome(cookie) ? { cookie: cookie.value } : {}
  return yield* made(() => layerTokenViewer({ keys, issuer, audience: audience.value, ...named }))
})

const byHeader = Effect.fnUntraced(function* ({ header, proxy, secretHeader }: Given) {
  if (Option.isSome(proxy) && isIP(proxy.value) === 0) {
    return yield* cliFailure(
      "argument.invalid",
      `${quoted(proxy.value)} is not an address that a proxy connects from`,
      "give --proxy one IP address, such as 10.0.0.2"
    )
  }
  const secret = yield* variable("COUNTERSIGN_PROXY_SECRET")
  if (Option.isSome(secret) !== Option.isSome(secretHeader)) {
    return yield* cliFailure(
      "viewers.unsafe",
      "the proxy's secret and the header it comes in belong together",
      "give --proxy-secret-header and set COUNTERSIGN_PROXY_SECRET, or neither"
    )
  }
  const { layerHeaderViewer } = yield* monitoring
  const name = Option.getOrElse(header, () => "")
  return yield* made(() =>
    layerHeaderViewer({
      header: name,
      proxy: {
        ...(Option.isSome(proxy) ? { addresses: [proxy.value] } : {}),
        ...(Option.isSome(secret) && Option.isSome(secretHeader)
          ? { secret: { header: secretHeader.value, value: Redacted.make(secret.value) } }
          : {})
      }
    })
  )
})
