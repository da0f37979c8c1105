/** Epochs for tests of the fence and of what is held under it. */
import { Fence, type StoreUnavailable, UnitOfWork, type WorkspaceId } from "@countersign/domain"
import { Effect } from "effect"

/** The epoch of a workspace, waiting where it is being changed. */
export const epochOf = (id: WorkspaceId): Effect.Effect<number, StoreUnavailable, Fence | UnitOfWork> =>
  Effect.gen(function* () {
    const { transact } = yield* UnitOfWork
    const epochs = yield* transact(Effect.flatMap(Fence, (fence) => fence.take(new Set([id]))))
    const epoch = epochs.get(id)
    return epoch === undefined ? yield* Effect.andThen(Effect.sleep("5 millis"), epochOf(id)) : epoch
  })
