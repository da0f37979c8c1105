/** Port: all or nothing. */
import { Context, type Effect } from "effect"
import type { StoreUnavailable } from "./StoreError.ts"

/**
 * Runs an effect so that what it writes through the other ports becomes visible together, or not at all when it fails or is
 * interrupted. A unit of work inside another joins it: nothing of it stays when the outer one fails; when it fails itself
 * its own part is taken back, and the outer one may go on.
 *
 * A store that loses a race (a deadlock, a serialization failure) may make the whole attempt again: what the effect does beside
 * the ports must tolerate that.
 */
export class UnitOfWork extends Context.Service<
  UnitOfWork,
  {
    readonly transact: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | StoreUnavailable, R>
  }
>()("@countersign/domain/UnitOfWork") {}
