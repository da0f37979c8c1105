/** Waiting for a database that cannot be reached yet: one that starts beside us, or comes back. */
import { StoreUnavailable } from "@countersign/domain"
import { Effect, Schedule } from "effect"

const isUnreachable = (error: unknown): error is StoreUnavailable =>
  error instanceof StoreUnavailable && error.trouble === "unreachable"

/** Half a second, then longer each time, at most ten seconds; told each time. */
const patience = Schedule.min([Schedule.exponential("500 millis", 1.6), Schedule.spaced("10 seconds")])

/** Makes the attempt until the database answers, or only once without `wait`. Other failures are failures at once. */
export const untilReachable = <A, E, R>(attempt: Effect.Effect<A, E, R>, wait: boolean): Effect.Effect<A, E, R> =>
  wait
    ? attempt.pipe(
        Effect.tapError((error) =>
          isUnreachable(error) ? Effect.logWarning(`waiting for the database: ${error.message}`) : Effect.void
        ),
        Effect.retry({ while: isUnreachable, schedule: patience })
      )
    : attempt
