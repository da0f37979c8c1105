/**
 * Port: a queue of the host's own, such as pg-boss, graphile-worker or BullMQ. It carries run ids and nothing else; what a
 * delivered id may do is decided when it arrives. Optional: without one the run table itself is the queue.
 *
 * Contract sections 3 (`queue.dispatch_failed`) and 4; architecture section 3.
 */
import { Context, type Effect, Schema } from "effect"
import type { RunId } from "../Ids.ts"

/** What is put into the queue: deliver this id, no sooner than then (epoch milliseconds). */
export interface QueueEntry {
  readonly runId: RunId
  readonly notBeforeMillis: number
}

/** The queue did not take what was given. `problem` is for logs, never for the initiator. */
export class EnqueueFailed extends Schema.TaggedError<EnqueueFailed>()("EnqueueFailed", {
  problem: Schema.String
}) {
  override get message() {
    return `the host's queue did not take a run: ${this.problem}`
  }
}

/** A queue that delivers run ids to workers, at least once. */
export class OutsideQueue extends Context.Service<
  OutsideQueue,
  {
    /**
     * Takes these ids, all of them when it succeeds. Called inside the unit of work that stores the runs: a queue in the same
     * database and connection takes them with it or not at all; any other may be left with ids of runs that do not exist.
     *
     * An id may be given again, also while it waits. Use it as the queue's own key where there is one (`job_key`, `singletonKey`,
     * `jobId`), so that the last one counts; delivered twice it does no harm either.
     */
    readonly enqueue: (entries: ReadonlyArray<QueueEntry>) => Effect.Effect<void, EnqueueFailed>
  }
>()("@countersign/domain/OutsideQueue") {}
