/** What a worker tells of while it works: for logs and counts. Nothing depends on it. */
import type { Blocked, Queued, Run, RunId, Running } from "@countersign/domain"
import type { Effect } from "effect"

/** Something that happened to a run in this worker's hands. */
export type WorkerEvent =
  /** Allowed; its handler is called now. */
  | { readonly _tag: "Started"; readonly run: Running }
  /** Denied at admission. */
  | { readonly _tag: "Blocked"; readonly run: Blocked }
  /** Denied at admission for a reason that may pass; it waits and is asked about again. */
  | { readonly _tag: "Held"; readonly run: Queued }
  /** This attempt came to something, or to nothing before it began, and the run is in this state now. */
  | { readonly _tag: "Settled"; readonly run: Run; readonly attempt: number }
  /** Denied while running; the run is blocked, and its handler was stopped. */
  | { readonly _tag: "Revoked"; readonly runId: RunId }

/** Takes note of an event. It must not fail, and should be quick: the worker waits for it. */
export type WorkerObserver = (event: WorkerEvent) => Effect.Effect<void>
