/** Viewers who bring a signed token (JWT), in a cookie or as a bearer. */
import { UserId } from "@countersign/domain"
import { Clock, Effect, Layer, Redacted, Schema } from "effect"
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose"
import { type Asking, IdentityUnavailable, type Viewer, ViewerIdentity } from "../Viewer.ts"

/** What a token is checked with. */
export interface TokenViewerOptions {
  /** A shared secret of at least 32 bytes (HS256), or the address of the issuer's keys. */
  readonly keys: { readonly secret: Redacted.Redacted } | { readonly jwksUrl: URL }
  readonly issuer: string
  readonly audience: string
  /** Where a browser keeps the token; pages that update themselves need it there. */
  readonly cookie?: string
  /** The claim with the viewer's id; `sub` unless given. */
  readonly userClaim?: string
}

const LEAST_SECRET_BYTES = 32
/** How far clocks may differ. */
const TOLERANCE_SECONDS = 5
const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]

const isUserId = Schema.is(UserId)

const verifierOf = ({ keys }: TokenViewerOptions) => {
  if ("jwksUrl" in keys) {
    const set = createRemoteJWKSet(keys.jwksUrl)
    return (token: string, options: JWTVerifyOptions) => jwtVerify(token, set, { ...options, algorithms: ASYMMETRIC })
  }
  const secret = new TextEncoder().encode(Redacted.value(keys.secret))
  if (secret.length < LEAST_SECRET_BYTES) {
    throw new RangeError(`the secret of viewers' tokens must have at least ${LEAST_SECRET_BYTES} bytes`)
  }
  return (token: string, options: JWTVerifyOptions) => jwtVerify(token, secret, { ...options, algorithms: ["HS256"] })
}

const BEARER = /^Bearer +([\w.~+/=-]+)$/i

const tokenIn = ({ headers, cookies }: Asking, cookie: string | undefined): string | null =>
  BEARER.exec(headers.authorization ?? "")?.[1] ?? (cookie === undefined ? null : (cookies[cookie] ?? null))

const viewerOf = (claims: JWTPayload, userClaim: string): Viewer | null => {
  const userId = claims[userClaim]
  if (!isUserId(userId) || claims.exp === undefined) return null
  return { userId, name: typeof claims.name === "string" ? claims.name : null, untilMillis: claims.exp * 1_000 }
}

/** The token is none that counts. */
const REFUSED = { _tag: "Refused" } as const

/** What is wrong with the token itself; anything else is about its keys. */
const isRefusal = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout) &&
  !(error instanceof errors.JWKSInvalid) &&
  error.code !== "ERR_JOSE_GENERIC"

/**
 * Recognises who brings a token that this issuer signed for this audience and that has not expired. Every other token is as good as
 * none. Fails when the issuer's keys cannot be read.
 *
 * Throws a `RangeError` on a secret that is too short.
 */
export const layerTokenViewer = (options: TokenViewerOptions): Layer.Layer<ViewerIdentity> => {
  const verify = verifierOf(options)
  const { issuer, audience, cookie, userClaim = "sub" } = options
  const identify = Effect.fnUntraced(function* (asking: Asking) {
    const token = tokenIn(asking, cookie)
    if (token === null) return null
    const currentDate = new Date(yield* Clock.currentTimeMillis)
    const required = {
      issuer,
      audience,
      currentDate,
      clockTolerance: TOLERANCE_SECONDS,
      requiredClaims: ["exp", userClaim]
    }
    return yield* Effect.tryPromise({
      try: () => verify(token, required),
      catch: (cause) =>
        isRefusal(cause)
          ? REFUSED
          : new IdentityUnavailable({ advice: "see whether the issuer's keys can be reached", cause })
    }).pipe(
      Effect.map(({ payload }) => viewerOf(payload, userClaim)),
      Effect.catchTag("Refused", () => Effect.succeed(null))
    )
  })
  return Layer.succeed(ViewerIdentity, ViewerIdentity.of({ identify, choices: [] }))
}
