/**
 * Port: what makes revocation strict. Whatever changes authority facts moves its workspace's epoch in the same transaction;
 * an admission takes the fence before it reads facts and keeps it until it commits. A revocation that has committed is
 * therefore always seen, and one that comes later waits for the admissions in flight.
 *
 * Law `revoked_after_dispatch_never_acts`.
 */
import { Context, type Effect } from "effect"
import type { WorkspaceId } from "../Ids.ts"
import type { StoreUnavailable } from "./StoreError.ts"

/** The order between admissions and changes of authority, workspace by workspace. */
export class Fence extends Context.Service<
  Fence,
  {
    /**
     * Takes the fence of these workspaces until the surrounding unit of work ends and answers with their epochs.
     * A workspace whose authority is being changed at this moment is missing from the answer: its runs must wait. One that
     * nobody knows is in it, so that its runs are decided and denied. Epochs only grow, also when a workspace is removed.
     */
    readonly take: (
      workspaces: ReadonlySet<WorkspaceId>
    ) => Effect.Effect<ReadonlyMap<WorkspaceId, number>, StoreUnavailable>
  }
>()("@countersign/domain/Fence") {}
