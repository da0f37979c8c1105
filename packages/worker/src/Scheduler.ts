/**
 * The scheduler: dispatches the runs of schedules whose slot has come. Any number of workers do it side by side: who holds a schedule
 * dispatches its slot and moves it on in one unit of work, and a slot's run has one id whoever dispatches it.
 *
 * Contract section 8; laws `one_run_per_slot`, `missed_slots_follow_their_policy`.
 */
import {
  type ActiveSchedule,
  advanced,
  type DueSlots,
  dueSlots,
  isActive,
  missedCountInWords,
  paused,
  type RunStore,
  Schedules,
  type StoreUnavailable,
  Timetable,
  UnitOfWork
} from "@countersign/domain"
import { Clock, Effect, Result } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { DispatchTerms } from "./DispatchChecks.ts"
import { prepareSlot } from "./Dispatcher.ts"
import { storeEnqueued } from "./Enqueueing.ts"
import { oneLine } from "./oneLine.ts"
import { perpetually } from "./Perpetual.ts"

/** How many schedules are dealt with in one unit of work. */
const BATCH = 25

/** A slot dispatched no later than this is on time, in milliseconds; an older one has been missed. */
export const GRACE_MILLIS = 60_000

/** A schedule that was due for this long without anybody who declares its operation is moved on by whoever comes, in milliseconds. */
const ABANDONED_MILLIS = 5 * 60_000

/** The longest problem that is kept. */
const PROBLEM_MAX_LENGTH = 500

/** What dispatching schedules needs. */
export type SchedulerPorts = Schedules | RunStore | UnitOfWork

type Dealing<A, E = StoreUnavailable> = Effect.Effect<A, E, SchedulerPorts | SecureRandom.SecureRandom>

/** Deals with the schedules that are due now, at most 25; answers how many those were. */
export const dispatchDue = (terms: DispatchTerms): Dealing<number> =>
  Effect.flatMap(UnitOfWork, (unit) => unit.transact(Effect.suspend(() => dealWithDue(terms))))

/** Dispatches for ever: at the next slot, and whatever else comes at this interval at the latest. */
export const runScheduler = (terms: DispatchTerms, pollMillis: number): Dealing<never, never> =>
  perpetually(
    "dispatching what is scheduled",
    Effect.gen(function* () {
      const waitMillis = (yield* nextDueMillis(terms)) - (yield* Clock.currentTimeMillis)
      // A schedule that somebody else holds is due and not ours: it is looked at again with the poll, not at once.
      const isMore = waitMillis <= 0 && (yield* dispatchDue(terms)) > 0
      if (!isMore) yield* Effect.sleep(waitMillis > 0 ? Math.min(waitMillis, pollMillis) : pollMillis)
    })
  )

/** When something is due at the earliest, in epoch milliseconds. */
const nextDueMillis = Effect.fnUntraced(function* ({ catalogue }: DispatchTerms) {
  const schedules = yield* Schedules
  const { known, other } = yield* schedules.nextSlots([...catalogue.operations.keys()])
  return Math.min(known ?? Number.POSITIVE_INFINITY, (other ?? Number.POSITIVE_INFINITY) + ABANDONED_MILLIS)
})

const dealWithDue = Effect.fnUntraced(function* (terms: DispatchTerms) {
  const port = yield* Schedules
  const nowMillis = yield* Clock.currentTimeMillis
  const { schedules, unreadable } = yield* port.holdDue({
    nowMillis,
    operationTypes: [...terms.catalogue.operations.keys()],
    abandonedSinceMillis: nowMillis - ABANDONED_MILLIS,
    limit: BATCH
  })
  if (unreadable.length > 0) {
    yield* Effect.logError("unreadable schedules are set aside", ...unreadable.map(({ message }) => message))
    yield* port.setAside(unreadable, nowMillis)
  }
  yield* Effect.forEach(schedules.filter(isActive), (schedule) => dealWith(schedule, terms, nowMillis), {
    discard: true
  })
  return schedules.length + unreadable.length
})

/** Whatever comes of its slots, the schedule is moved past them: one that cannot be dispatched is not tried again and again. */
const dealWith = Effect.fnUntraced(function* (schedule: ActiveSchedule, terms: DispatchTerms, nowMillis: number) {
  const port = yield* Schedules
  const timetable = Timetable.parse(schedule.cron, schedule.zone)
  if (Result.isFailure(timetable)) {
    const problem = { atMillis: nowMillis, message: `it is paused: ${timetable.failure.advice}` }
    yield* Effect.logError(`schedule ${schedule.id}: ${problem.message}`)
    return yield* port.replace(schedule, { ...paused(schedule, nowMillis), problem })
  }
  const due = dueSlots(schedule.state.nextSlotMillis, timetable.success, schedule.missed, nowMillis, GRACE_MILLIS)
  const problem = yield* problemWith(schedule, due, terms)
  if (problem !== null) yield* Effect.logWarning(`schedule ${schedule.id}: ${problem}`)
  if (due.missed > 0) yield* Effect.logWarning(`schedule ${schedule.id}: ${missedCountInWords(due.missed)}`)
  return yield* port.replace(schedule, advanced(schedule, { due, problem, nowMillis }))
})

/** Dispatches the slots, all or none of them; answers what keeps them from being dispatched, or null. */
const problemWith = (schedule: ActiveSchedule, due: DueSlots, terms: DispatchTerms): Dealing<string | null> =>
  Effect.flatMap(UnitOfWork, (unit) => unit.transact(dispatchSlots(schedule, due, terms))).pipe(
    Effect.as(null),
    Effect.catchTag("DispatchRefused", ({ advice, reason }) =>
      Effect.succeed(
        reason === "unknown_operation" ? `no worker declares the operation “${schedule.operationType}”` : advice
      )
    ),
    // What the store rejects, it would reject again; any other trouble is waited out, and nothing is moved on.
    Effect.catchIf(
      (error) => error.trouble === "rejected",
      ({ message }) => Effect.succeed(message)
    ),
    Effect.map((problem) => (problem === null ? null : oneLine(problem, PROBLEM_MAX_LENGTH)))
  )

const dispatchSlots = Effect.fnUntraced(function* (schedule: ActiveSchedule, due: DueSlots, terms: DispatchTerms) {
  const { id, operationType, payload, scope } = schedule
  const request = { id, operationType, payload, ...scope }
  const steps = yield* Effect.forEach(due.run, (slotMillis) => prepareSlot(terms, request, slotMillis))
  yield* Effect.forEach(steps, (first) => storeEnqueued(first, terms.queue), { discard: true })
})
