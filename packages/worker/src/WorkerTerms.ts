/** What everything in one worker goes by: built once, when the worker starts, and shared by its loop, its heartbeat and its deliveries. */
import type { Catalogue, OperationType } from "@countersign/domain"
import type { FiberSet } from "effect"
import type { Handler } from "./Handler.ts"
import type { Settle } from "./Settlement.ts"
import type { WorkerObserver } from "./WorkerEvent.ts"
import type { WorkerLimits } from "./WorkerOptions.ts"
import type { WorkInHand } from "./WorkInHand.ts"

/** What a worker was given, checked, and what it has in hand. */
export interface WorkerTerms<R> {
  readonly name: string
  readonly catalogue: Catalogue
  readonly handlers: ReadonlyMap<OperationType, Handler<R>>
  readonly limits: WorkerLimits
  readonly inHand: WorkInHand
  /** Where the handlers run; they outlive the loop while the worker drains. */
  readonly hands: FiberSet.FiberSet<void>
  readonly settle: Settle
  readonly observe: WorkerObserver
}
