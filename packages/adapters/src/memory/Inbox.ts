/** A channel that keeps delivered notices for their readers, in memory. */
import { type Notice, NoticeChannel, type RunId, type UserId } from "@countersign/domain"
import { Context, Effect, Layer } from "effect"

/** How many notices are kept; what was delivered longest ago makes room. */
export const KEPT_MAX = 10_000

/** What was delivered to each person. */
export class MemoryInbox extends Context.Service<
  MemoryInbox,
  {
    /** The person's notices, one for each run, newest delivery first; of all people's together the newest {@link KEPT_MAX}. */
    readonly noticesOf: (recipient: UserId) => Effect.Effect<ReadonlyArray<Notice>>
  }
>()("@countersign/adapters/memory/MemoryInbox") {}

/** Delivers into a {@link MemoryInbox} of its own and never fails. A notice delivered twice is there once. */
export const layerInbox: Layer.Layer<NoticeChannel | MemoryInbox> = Layer.effectContext(
  Effect.sync(() => {
    const delivered = new Map<RunId, Notice>()
    return Context.make(NoticeChannel, {
      deliver: (notice) =>
        Effect.sync(() => {
          if (delivered.has(notice.runId)) return
          delivered.set(notice.runId, notice)
          const [longestAgo] = delivered.size > KEPT_MAX ? delivered.keys() : []
          if (longestAgo !== undefined) delivered.delete(longestAgo)
        })
    }).pipe(
      Context.add(MemoryInbox, {
        noticesOf: (recipient) =>
          Effect.sync(() => [...delivered.values()].filter((notice) => notice.recipient === recipient).reverse())
      })
    )
  })
)
