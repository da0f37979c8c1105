/** One message to one receiver, over HTTP. */
import { Clock, Effect, Option, Predicate } from "effect"
import type { Endpoint } from "./Endpoint.ts"

/** What is sent. The id is the same however often it is sent. */
export interface Message {
  readonly id: string
  /** JSON. */
  readonly body: string
}

/** Why a receiver has not taken a message. */
export interface NotTaken {
  readonly problem: string
  /** The rest it asked for, or null. */
  readonly retryAfterMillis: number | null
  /** It will never take one again (410). */
  readonly gone: boolean
}

const ANSWER_MILLIS = 7_000
const RETRY_AFTER_MAX_MILLIS = 86_400_000

const notTaken = (problem: string, retryAfterMillis: number | null = null, gone = false): NotTaken => ({
  problem,
  retryAfterMillis,
  gone
})

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** Seconds or a date (RFC 9110); null when it says neither. */
const restAskedFor = (header: string | null, nowMillis: number): number | null => {
  if (header === null) return null
  const bounded = (millis: number) => Math.min(RETRY_AFTER_MAX_MILLIS, Math.max(0, millis))
  if (/^\d{1,9}$/.test(header)) return bounded(Number(header) * 1_000)
  return HTTP_DATE.test(header) ? bounded((Date.parse(header) || nowMillis) - nowMillis) : null
}

const unreachable = (error: unknown): NotTaken => {
  const cause = Predicate.hasProperty(error, "cause") ? error.cause : undefined
  const code = Predicate.hasProperty(cause, "code") ? cause.code : undefined
  return notTaken(`the receiver could not be reached${typeof code === "string" ? ` (${code})` : ""}`)
}

const judged = ({ status, headers }: Response, nowMillis: number): Option.Option<NotTaken> => {
  if (status >= 200 && status < 300) return Option.none()
  if (status >= 300 && status < 400) {
    return Option.some(
      notTaken(`the receiver answered ${status}, and redirects are not followed: give its own address`)
    )
  }
  return Option.some(
    notTaken(`the receiver answered ${status}`, restAskedFor(headers.get("retry-after"), nowMillis), status === 410)
  )
}

/**
 * Sends a message, signed for this moment with each of the receiver's secrets. Taken means a status of 2xx within seven seconds.
 * Redirects are not followed, and nothing of the answer but its head is read.
 */
export const post = Effect.fnUntraced(function* (
  { url, signers }: Endpoint,
  { id, body }: Message
): Effect.fn.Return<void, NotTaken> {
  const nowMillis = yield* Clock.currentTimeMillis
  const now = new Date(nowMillis)
  const answer = yield* Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, {
        method: "POST",
        redirect: "manual",
        signal,
        body,
        headers: {
          "content-type": "application/json",
          "user-agent": "countersign",
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(nowMillis / 1_000)),
          "webhook-signature": signers.map((signer) => signer.sign(id, now, body)).join(" ")
        }
      })
      await response.body?.cancel()
      return response
    },
    catch: unreachable
  }).pipe(
    Effect.timeoutOrElse({
      duration: ANSWER_MILLIS,
      orElse: () => Effect.fail(notTaken(`the receiver took longer than ${ANSWER_MILLIS} ms`))
    })
  )
  const trouble = judged(answer, nowMillis)
  if (Option.isSome(trouble)) return yield* Effect.fail(trouble.value)
})
