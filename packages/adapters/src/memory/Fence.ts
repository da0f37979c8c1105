/** `Fence` in memory. */
import { Fence } from "@countersign/domain"
import { Effect, Layer } from "effect"
import { AuthorityTables } from "./AuthorityTables.ts"
import { MemoryState } from "./MemoryState.ts"

/**
 * Units of work come one after the other, and a change of facts is one: whoever is in a unit of work is behind the fence
 * already, no workspace is ever being changed at that moment, and every workspace is in the answer.
 */
export const layerFence: Layer.Layer<Fence, never, MemoryState> = Layer.effect(
  Fence,
  Effect.map(MemoryState, ({ look }) =>
    Fence.of({
      take: (workspaces) =>
        look(({ authority }) => new Map(Array.from(workspaces, (id) => [id, AuthorityTables.epochOf(authority, id)])))
    })
  )
)
