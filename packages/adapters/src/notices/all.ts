/** Several channels as one. */
import { DeliveryFailed, type Notice, NoticeChannel } from "@countersign/domain"
import { Cause, Context, Effect, Layer, Option, Result } from "effect"
import { exitWithin } from "../exitWithin.ts"

type Channel = NoticeChannel["Service"]

/** Channels by their names. A name is remembered with what the channel has taken: it never changes silently. */
export type Channels = Readonly<Record<string, Channel>>

/** A channel that takes longer for one notice has not delivered it; shorter than what the outbox allows for all of them. */
const CHANNEL_MILLIS = 8_000

/**
 * Delivers each notice to every channel that has not taken it yet, all at once, whatever becomes of the others; fails, naming
 * all that failed, broke or took too long, when any did. Those that have taken the notice are not asked again.
 */
export const all = (channels: Channels): Channel => ({
  deliver: (notice, takenBy) =>
    Effect.gen(function* () {
      const asked = Object.entries(channels).filter(([name]) => !takenBy.includes(name))
      const results = yield* Effect.forEach(
        asked,
        ([name, channel]) => Effect.map(Effect.result(guarded(name, channel, notice)), (result) => ({ name, result })),
        { concurrency: "unbounded" }
      )
      const failures = results.flatMap(({ name, result }) =>
        Result.isFailure(result) ? [{ name, failure: result.failure }] : []
      )
      if (failures.length === 0) return
      const taking = results.filter(({ result }) => Result.isSuccess(result)).map(({ name }) => name)
      return yield* new DeliveryFailed({
        channel: failures.map(({ name }) => name).join(", "),
        problem: failures.map(({ name, failure }) => `${name}: ${failure.problem}`).join("; "),
        takenBy: [...takenBy, ...taking],
        // The one that can be asked soonest decides: the others say so again.
        retryAfterMillis: Math.min(...failures.map(({ failure }) => failure.retryAfterMillis ?? 0))
      })
    })
})

/** Neither a defect, silence nor an interruption of its own in one channel must keep a notice from the others. */
const guarded = (name: string, channel: Channel, notice: Notice) =>
  exitWithin(
    CHANNEL_MILLIS,
    Effect.suspend(() => channel.deliver(notice, []))
  ).pipe(
    Effect.flatMap(Option.getOrElse(() => Effect.fail(failed(name, `it took longer than ${CHANNEL_MILLIS} ms`)))),
    // What it broke with may hold anything: it is for the log's reader, and not kept.
    Effect.catchCauseIf(
      (cause) => !Cause.hasFails(cause),
      (cause) =>
        Effect.andThen(Effect.logDebug(`the ${name} channel broke`, cause), Effect.fail(failed(name, "it broke")))
    )
  )

const failed = (channel: string, problem: string) => new DeliveryFailed({ channel, problem })

/** {@link all} of the channels that these layers give, as the one channel. */
export const layerAll = <E = never, R = never>(
  channels: Readonly<Record<string, Layer.Layer<NoticeChannel, E, R>>>
): Layer.Layer<NoticeChannel, E, R> =>
  Layer.effect(
    NoticeChannel,
    Effect.map(
      Effect.forEach(Object.entries(channels), ([name, channel]) =>
        Effect.map(Layer.build(channel), (built): [string, Channel] => [name, Context.get(built, NoticeChannel)])
      ),
      (built) => all(Object.fromEntries(built))
    )
  )
