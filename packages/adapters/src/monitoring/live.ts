/**
 * Pages that change while one looks, as server-sent events. Everything is read again for each event, who may see it included: a
 * stream shows nothing that the page itself would not show at that moment.
 *
 * Contract section 9.
 */
import { Clock, Effect, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { type Html, textOf } from "./Html.ts"
import { gone } from "./pages/notes.ts"

/** What the main part of a page is now. */
export interface Moment {
  readonly main: Html
  /** Whether it can be expected to change. */
  readonly isFinal: boolean
}

/** How a stream is kept up. */
export interface LiveOptions {
  /** How often is looked for changes. */
  readonly pollMillis: number
  /** After this long a stream ends, and the browser asks anew: then it is also looked anew who is looking. */
  readonly lastsMillis: number
}

/** The name of the event after which there is nothing more to come. */
const LAST = "event: gone\ndata: \n\n"

/** A comment: it keeps proxies from taking the stream for dead, and finds out that nobody listens any more. */
const STILL_HERE = ": still here\n\n"

const eventOf = (text: string): string =>
  `${text
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}`)
    .join("\n")}\n\n`

const NO_LONGER = "You may not see it any more, or it is gone."
const SIGNED_OUT = "Your sign-in has ended. Load the page again."

interface Sent {
  readonly text: string | null
  readonly isOver: boolean
}

/**
 * The stream of a page. `moment` reads it, and null says that the viewer may not see it any more; what cannot be read at the moment
 * is left out and read again. `untilMillis` is when the viewer's sign-in ends.
 */
export const liveStream = <E, R>(
  moment: Effect.Effect<Moment | null, E, R>,
  untilMillis: number | null,
  { pollMillis, lastsMillis }: LiveOptions
): Stream.Stream<Uint8Array, never, R> => {
  const over = (reason: string) =>
    Effect.map(textOf(gone(reason)), (text): readonly [string, Sent] => [eventOf(text) + LAST, { text, isOver: true }])

  const next = Effect.fnUntraced(function* (sent: Sent) {
    if (sent.isOver) return undefined
    if (sent.text !== null) yield* Effect.sleep(pollMillis)
    if (untilMillis !== null && (yield* Clock.currentTimeMillis) >= untilMillis) return yield* over(SIGNED_OUT)
    const now = yield* Effect.option(moment)
    if (now._tag === "None") return [STILL_HERE, { ...sent, text: sent.text ?? "" }] as const
    if (now.value === null) return yield* over(NO_LONGER)
    const text = yield* textOf(now.value.main)
    const event = text === sent.text ? STILL_HERE : eventOf(text)
    return [now.value.isFinal ? event + LAST : event, { text, isOver: now.value.isFinal }] as const
  })
  const begin: Sent = { text: null, isOver: false }
  return Stream.unfold(begin, next).pipe(
    // By a timer: neither a clock that is set back nor a reading that hangs keeps it open.
    Stream.interruptWhen(Effect.sleep(lastsMillis)),
    Stream.encodeText
  )
}

/** The stream as a response. */
export const liveResponse = (stream: Stream.Stream<Uint8Array>): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.stream(stream, {
    contentType: "text/event-stream; charset=utf-8",
    headers: { "x-accel-buffering": "no" }
  })
