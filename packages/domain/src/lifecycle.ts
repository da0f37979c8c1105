/**
 * The lifecycle as typed edges: each function takes the state it leaves and gives the state it reaches. What cannot be said
 * in types (a stale permit, a forced cast, a late report) is refused as a value.
 *
 * Contract section 3. The law `every_pair_is_decided` proves that this file does what the table `transitions.ts` says,
 * nothing less and nothing more.
 */
import { Result } from "effect"
import { deniedOnTheWire } from "./ExecutionLegitimacy.ts"
import { type IllegalReason, IllegalTransition } from "./IllegalTransition.ts"
import { type Denial, isGenuine, type Permit } from "./Permit.ts"
import type {
  Blocked,
  Cancelled,
  Counts,
  Dispatch,
  Failed,
  PartiallySucceeded,
  Queued,
  Run,
  RunFailure,
  Running,
  Succeeded
} from "./Run.ts"
import type { RunEvent } from "./RunEvent.ts"

type EventOf<Tag extends RunEvent["_tag"]> = Extract<RunEvent, { readonly _tag: Tag }>
type Moved<To> = Result.Result<To, IllegalTransition>

/** A dispatched run, waiting for its first admission. `availableAtMillis` is when it may first be taken. */
export const dispatch = (dispatched: Dispatch, availableAtMillis = dispatched.dispatchedAtMillis): Queued => ({
  _tag: "Queued",
  dispatch: dispatched,
  attempt: 1,
  admission: 1,
  startedAtMillis: null,
  availableAtMillis,
  counts: {},
  held: null
})

/** The end of a run that no queue took: never a queued run that no queue knows. */
export const failDispatch = (dispatched: Dispatch, message: string): Failed => ({
  ...completedFrom(dispatch(dispatched), dispatched.dispatchedAtMillis, {}),
  _tag: "Failed",
  failure: { code: "queue.dispatch_failed", message }
})

/**
 * The only way into `running`: with a permit for this run and this admission. A permit that is stale, of another run, or
 * forged through a cast is refused. Laws `no_running_without_permit`, `permit_fits_one_run_and_admission`.
 */
export const start = (queued: Queued, permit: Permit): Moved<Running> =>
  sealedFor(queued, "Queued", permit, "Start", () => ({
    _tag: "Running",
    dispatch: queued.dispatch,
    attempt: queued.attempt,
    admission: queued.admission,
    startedAtMillis: queued.startedAtMillis ?? permit.snapshot.takenAtMillis,
    counts: queued.counts
  }))

/** Denied at admission: the run ends, and spends no attempt (law `denial_spends_no_attempt`). */
export const block = (queued: Queued, denial: Denial): Moved<Blocked> =>
  sealedFor(queued, "Queued", denial, "Block", () => blocked(queued, denial, queued.counts))

/**
 * Denied at admission for a reason that may pass: the run stays queued, held with its reason, and needs a new admission. It spends
 * no attempt. Held several times in a row it counts as held since the first. Law `only_retryable_denials_hold`.
 */
export const hold = (queued: Queued, denial: Denial, retryAtMillis: number): Moved<Queued> =>
  Result.flatMap(
    sealedFor(queued, "Queued", denial, "Hold", () => heldBy(queued, denial, retryAtMillis)),
    (held) => (denial.decision.retryable ? Result.succeed(held) : refuse(queued, "Hold", "not_retryable"))
  )

/** Denied while running: the run ends with what it had counted so far. */
export const revoke = (running: Running, denial: Denial, counts: Counts): Moved<Blocked> =>
  sealedFor(running, "Running", denial, "Revoke", () => blocked(running, denial, counts))

/** Somebody called the run off, before or while it was worked on. */
export const cancel = (run: Queued | Running, { by, atMillis }: EventOf<"Cancel">): Cancelled => ({
  ...completedFrom(run, atMillis, run.counts),
  _tag: "Cancelled",
  by
})

/** The run still waits, or waits again, when its time is up. */
export const expire = (queued: Queued, { atMillis }: EventOf<"Expire">): Failed =>
  failed(queued, atMillis, queued.counts, {
    code: "run.stale_queued",
    message:
      queued.startedAtMillis === null
        ? "The run waited longer than its limit and was given up before it started."
        : "The run was back in the queue when its time was up, and was given up before its work was done."
  })

/** The work is done. */
export const succeed = (running: Running, event: EventOf<"Succeed">): Moved<Succeeded> =>
  reported(running, event, () => ({
    ...completedFrom(running, event.atMillis, event.counts),
    _tag: "Succeeded",
    startedAtMillis: running.startedAtMillis,
    result: event.result
  }))

/** The work is done in part; the failures say what is not. */
export const partiallySucceed = (running: Running, event: EventOf<"PartiallySucceed">): Moved<PartiallySucceeded> =>
  reported(running, event, () => ({
    ...completedFrom(running, event.atMillis, event.counts),
    _tag: "PartiallySucceeded",
    startedAtMillis: running.startedAtMillis,
    result: event.result,
    failures: event.failures
  }))

/** The work broke in a way that another attempt cannot mend. */
export const fail = (running: Running, event: EventOf<"Fail">): Moved<Failed> =>
  reported(running, event, () => failed(running, event.atMillis, event.counts, event.failure))

/** The attempt broke: queued again for the next attempt, or failed when none is left. */
export const failAttempt = (running: Running, event: EventOf<"FailAttempt">): Moved<Queued | Failed> =>
  reported(running, event, () =>
    hasAttemptsLeft(running)
      ? queuedAgain(running, running.attempt + 1, event.retryAtMillis, event.counts)
      : failed(running, event.atMillis, event.counts, event.failure)
  )

/** The worker stops before the work is done: the same attempt waits for a new admission, by anyone. */
export const release = (running: Running, event: EventOf<"Release">): Moved<Queued> =>
  reported(running, event, () => queuedAgain(running, running.attempt, event.atMillis, event.counts))

/** The worker fell silent: the next attempt waits, or the run ends when none is left. */
export const loseLease = (running: Running, event: EventOf<"LoseLease">): Moved<Queued | Failed> =>
  reported(running, event, () =>
    hasAttemptsLeft(running)
      ? queuedAgain(running, running.attempt + 1, event.retryAtMillis, running.counts)
      : failed(running, event.atMillis, running.counts, {
          code: "run.stale_running",
          message: "The worker that ran it stopped answering, and no attempts are left."
        })
  )

/**
 * Moves a run, whatever its state: the edge for this state and event, or an {@link IllegalTransition}.
 * Total: every pair is decided (law `every_pair_is_decided`), and completed runs refuse everything.
 */
export const transition = (run: Run, event: RunEvent): Moved<Run> => {
  if (run._tag === "Queued") {
    switch (event._tag) {
      case "Start":
        return start(run, event.permit)
      case "Block":
        return block(run, event.denial)
      case "Hold":
        return hold(run, event.denial, event.retryAtMillis)
      case "Cancel":
        return Result.succeed(cancel(run, event))
      case "Expire":
        return Result.succeed(expire(run, event))
    }
  }
  if (run._tag === "Running") {
    switch (event._tag) {
      case "Succeed":
        return succeed(run, event)
      case "PartiallySucceed":
        return partiallySucceed(run, event)
      case "Fail":
        return fail(run, event)
      case "FailAttempt":
        return failAttempt(run, event)
      case "Revoke":
        return revoke(run, event.denial, event.counts)
      case "Release":
        return release(run, event)
      case "Cancel":
        return Result.succeed(cancel(run, event))
      case "LoseLease":
        return loseLease(run, event)
    }
  }
  return refuse(run, event._tag, "not_in_table")
}

const refuse = (run: Run, event: RunEvent["_tag"], reason: IllegalReason) =>
  Result.fail(new IllegalTransition({ runId: run.dispatch.id, from: run._tag, event, reason }))

/** Moves along if the ruling was made by `authorize`, for this run and admission, and the run is in the edge's state. */
const sealedFor = <To>(
  run: Queued | Running,
  from: (Queued | Running)["_tag"],
  ruling: Permit | Denial,
  event: RunEvent["_tag"],
  to: () => To
): Moved<To> => {
  if (run._tag !== from) return refuse(run, event, "not_in_table")
  if (!isGenuine(ruling) || ruling._tag !== (event === "Start" ? "Permit" : "Denial")) {
    return refuse(run, event, "not_genuine")
  }
  if (ruling.runId !== run.dispatch.id) return refuse(run, event, "other_run")
  if (ruling.admission !== run.admission) return refuse(run, event, "stale_admission")
  return Result.succeed(to())
}

/** Moves along if the report is of the admission the run is under. */
const reported = <To>(
  running: Running,
  event: { readonly _tag: RunEvent["_tag"]; readonly admission: number },
  to: () => To
): Moved<To> =>
  event.admission === running.admission ? Result.succeed(to()) : refuse(running, event._tag, "stale_admission")

const heldBy = (queued: Queued, { decision, snapshot }: Denial, availableAtMillis: number): Queued => ({
  ...queued,
  admission: queued.admission + 1,
  availableAtMillis,
  held: { failure: decision.failure, sinceMillis: queued.held?.sinceMillis ?? snapshot.takenAtMillis }
})

const hasAttemptsLeft = ({ attempt, dispatch: { maxAttempts } }: Running) => attempt < maxAttempts

const queuedAgain = (running: Running, attempt: number, availableAtMillis: number, counts: Counts): Queued => ({
  _tag: "Queued",
  dispatch: running.dispatch,
  attempt,
  admission: running.admission + 1,
  startedAtMillis: running.startedAtMillis,
  availableAtMillis,
  counts,
  held: null
})

const completedFrom = (run: Queued | Running, completedAtMillis: number, counts: Counts) => ({
  dispatch: run.dispatch,
  attempt: run.attempt,
  admission: run.admission,
  startedAtMillis: run.startedAtMillis,
  completedAtMillis,
  counts
})

const failed = (run: Queued | Running, atMillis: number, counts: Counts, failure: RunFailure): Failed => ({
  ...completedFrom(run, atMillis, counts),
  _tag: "Failed",
  failure
})

const blocked = (run: Queued | Running, { decision, snapshot }: Denial, counts: Counts): Blocked => ({
  ...completedFrom(run, snapshot.takenAtMillis, counts),
  _tag: "Blocked",
  legitimacy: deniedOnTheWire(run.dispatch.subject, decision),
  failure: decision.failure
})
