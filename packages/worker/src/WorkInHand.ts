/**
 * The runs a worker acts on right now, and the ways in which acting on one can be ended from outside.
 */
import type { Counts, HeldRun, RunId, Running } from "@countersign/domain"
import { Deferred, Effect } from "effect"

/** Why a handler is stopped before it is done. */
export type Ending =
  /** The run was revoked and is blocked already. */
  | "revoked"
  /** The run is not ours any more: cancelled, or its lease was lost. Whatever we would report is refused anyway. */
  | "moved_on"
  /** The worker stops: the run goes back to the queue. */
  | "released"

/** One run in the hands of this worker. */
export interface Work {
  readonly run: Running
  readonly ended: Deferred.Deferred<Ending>
  /** Nobody else takes the run before then; epoch milliseconds. */
  leaseUntilMillis: number
  /** The counts last reported by the handler, and those last stored. */
  counts: Counts
  savedCounts: Counts
  /** The epoch its last decision rests on; null when none is known, or the facts are from outside the fence. */
  epoch: number | null
  /** Whether its last decision was a denial, kept or not: no chunk begins before another one allows it. */
  isDenied: boolean
  /** How many chunks, which nothing breaks off, its handler is in the middle of. */
  chunks: number
  /**
   * How many reasons there are not to ask about it with the heartbeat: chunks being finished and questions being asked by the
   * handler itself, several at once where it has children, and that what it came to is being settled.
   */
  reasonsNotToAsk: number
}

/** The runs this worker carries out at this moment. */
export interface WorkInHand {
  readonly size: () => number
  readonly held: () => ReadonlyArray<HeldRun>
  readonly all: () => ReadonlyArray<Work>
  readonly take: (run: Running, leaseUntilMillis: number) => Work
  readonly drop: (work: Work) => void
  /** Ends, as moved on, what is in hand under that admission. */
  readonly lose: (held: HeldRun) => Effect.Effect<void>
  /** Ends everything as released, and from then on whatever is taken: an admission may come to its end after the worker has stopped. */
  readonly releaseAll: Effect.Effect<void>
  /** Takes note of a lease that was renewed. */
  readonly prolong: (held: HeldRun, leaseUntilMillis: number) => void
  /** Ends, as moved on, whatever has no lease any more. */
  readonly endOverdue: (nowMillis: number) => Effect.Effect<void>
  /** When the first lease ends; infinity when nothing is in hand. */
  readonly earliestLeaseEnd: () => number
}

/** Nothing in hand yet. */
export const makeWorkInHand = (): WorkInHand => {
  const works = new Map<RunId, Work>()
  let isReleased = false
  const end = (work: Work, ending: Ending) => Effect.asVoid(Deferred.succeed(work.ended, ending))
  /** A later admission of the same run may be in hand by now; what is said of an earlier one is not about it. */
  const workOf = ({ id, admission }: HeldRun): Work | undefined => {
    const work = works.get(id)
    return work?.run.admission === admission ? work : undefined
  }
  return {
    size: () => works.size,
    held: () => Array.from(works.values(), ({ run }) => ({ id: run.dispatch.id, admission: run.admission })),
    all: () => [...works.values()],
    take: (run, leaseUntilMillis) => {
      const work: Work = {
        run,
        ended: Deferred.makeUnsafe(),
        leaseUntilMillis,
        counts: run.counts,
        savedCounts: run.counts,
        epoch: null,
        isDenied: false,
        chunks: 0,
        reasonsNotToAsk: 0
      }
      if (isReleased) Deferred.doneUnsafe(work.ended, Effect.succeed("released"))
      works.set(run.dispatch.id, work)
      return work
    },
    // A later admission of the same run may be in hand by now; it must not be dropped in place of this one.
    drop: (work) => {
      if (works.get(work.run.dispatch.id) === work) works.delete(work.run.dispatch.id)
    },
    lose: (held) => {
      const work = workOf(held)
      return work === undefined ? Effect.void : end(work, "moved_on")
    },
    releaseAll: Effect.suspend(() => {
      isReleased = true
      return Effect.forEach([...works.values()], (work) => end(work, "released"), { discard: true })
    }),
    prolong: (held, leaseUntilMillis) => {
      const work = workOf(held)
      if (work !== undefined) work.leaseUntilMillis = leaseUntilMillis
    },
    endOverdue: (nowMillis) =>
      Effect.forEach(
        [...works.values()].filter((work) => work.leaseUntilMillis <= nowMillis),
        (work) => end(work, "moved_on"),
        { discard: true }
      ),
    earliestLeaseEnd: () =>
      [...works.values()].reduce((first, work) => Math.min(first, work.leaseUntilMillis), Number.POSITIVE_INFINITY)
  }
}
