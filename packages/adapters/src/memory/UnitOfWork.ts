/** `UnitOfWork` in memory. */
import { UnitOfWork } from "@countersign/domain"
import { Effect, Layer } from "effect"
import { MemoryState } from "./MemoryState.ts"

/**
 * Units of work one after the other: the next begins when the one before has been committed or forgotten. Readers outside
 * see what is committed and never wait.
 *
 * **Gotchas**
 *
 * A unit of work that waits for a write made outside it waits for ever. Fibers forked inside share its fate; one that
 * outlives it is outside.
 */
export const layerUnitOfWork: Layer.Layer<UnitOfWork, never, MemoryState> = Layer.effect(
  UnitOfWork,
  Effect.map(MemoryState, ({ transact }) => UnitOfWork.of({ transact }))
)
