/** Several channels as one. */
import { DeliveryFailed, type Notice, NoticeChannel } from "@countersign/domain"
import { Context, Effect, Layer, Result } from "effect"

type Channel = NoticeChannel["Service"]

/**
 * Delivers each notice to every channel, at once, whatever becomes of the others; fails, naming all that failed or broke,
 * when any did. All of them are then asked again, which is harmless: a receiver knows a repetition by its run id.
 */
export const all = (channels: ReadonlyArray<Channel>): Channel => ({
  deliver: (notice) =>
    Effect.gen(function* () {
      const results = yield* Effect.forEach(channels, (channel, at) => Effect.result(guarded(channel, at, notice)), {
        concurrency: "unbounded"
      })
      const failures = results.filter(Result.isFailure).map(({ failure }) => failure)
      if (failures.length === 0) return
      return yield* new DeliveryFailed({
        channel: failures.map(({ channel }) => channel).join(", "),
        problem: failures.map(({ message }) => message).join("; ")
      })
    })
})

/** A defect in one channel must not keep a notice from the others. */
const guarded = (channel: Channel, at: number, notice: Notice) =>
  Effect.catchDefect(channel.deliver(notice), (defect) =>
    Effect.fail(new DeliveryFailed({ channel: `number ${at + 1}`, problem: `it broke: ${defect}` }))
  )

/** {@link all} of the channels that these layers give, as the one channel. */
export const layerAll = <E = never, R = never>(
  channels: ReadonlyArray<Layer.Layer<NoticeChannel, E, R>>
): Layer.Layer<NoticeChannel, E, R> =>
  Layer.effect(
    NoticeChannel,
    Effect.map(
      Effect.forEach(channels, (channel) => Effect.map(Layer.build(channel), Context.get(NoticeChannel))),
      all
    )
  )
