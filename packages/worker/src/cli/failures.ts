/** Every failure a command can end with, in words for a person. No stack trace, no secret, no internals. */
import type {
  FactsUnavailable,
  IllegalTransition,
  RunNotFound,
  RunUnreadable,
  ScheduleExists,
  ScheduleNotFound,
  ScheduleUnreadable,
  StoreTrouble,
  StoreUnavailable,
  SubscriptionUnreadable
} from "@countersign/domain"
import { Predicate } from "effect"
import type { CancelRefused } from "../Cancellation.ts"
import type { DispatchRefused } from "../DispatchRequest.ts"
import { messageOf } from "../messageOf.ts"
import type { PauseRefused } from "../Pausing.ts"
import type { ScheduleRefused } from "../ScheduleRequest.ts"
import { type CliFailure, cliFailure } from "./CliFailure.ts"

/** What the commands fail with beside {@link CliFailure}. */
export type KnownFailure =
  | CancelRefused
  | DispatchRefused
  | FactsUnavailable
  | IllegalTransition
  | PauseRefused
  | RunNotFound
  | RunUnreadable
  | ScheduleExists
  | ScheduleNotFound
  | ScheduleRefused
  | ScheduleUnreadable
  | StoreUnavailable
  | SubscriptionUnreadable

const troubleInWords: Readonly<Record<StoreTrouble, string>> = {
  unreachable: "the database cannot be reached",
  access_refused: "the database refuses access",
  conflict: "another transaction is in the way",
  schema_mismatch: "the database's schema does not fit this program",
  rejected: "the database refuses what was asked"
}

/** A failure of the project's own, as a person meets it. */
export const inWords = (failure: CliFailure | KnownFailure): CliFailure => {
  switch (failure._tag) {
    case "CliFailure":
      return failure
    case "StoreUnavailable":
      return cliFailure(
        `database.${failure.trouble}`,
        `${troubleInWords[failure.trouble]} (could not ${failure.operation})`,
        failure.trouble === "rejected" ? (saidByDatabase(failure.cause) ?? failure.advice) : failure.advice
      )
    case "FactsUnavailable":
      return cliFailure("facts.unavailable", `facts from ${failure.source} could not be read`, failure.advice)
    case "RunNotFound":
      return cliFailure(
        "run.not_found",
        `there is no run ${failure.runId}`,
        "see `countersign runs list` for the runs there are"
      )
    case "RunUnreadable":
      return cliFailure("run.unreadable", failure.message, "somebody changed its row by hand; mend it there")
    case "IllegalTransition":
      return refusedTransition(failure)
    case "ScheduleRefused":
      return cliFailure(`schedule.${failure.reason}`, "the schedule is refused, nothing was changed", failure.advice)
    case "ScheduleExists":
      return cliFailure(
        "schedule.exists",
        `there is a schedule ${failure.scheduleId} already`,
        "it stays as it is: choose another id, or remove it first"
      )
    case "ScheduleNotFound":
      return cliFailure(
        "schedule.not_found",
        `there is no schedule ${failure.scheduleId}`,
        "see `countersign schedules list` for the schedules there are"
      )
    case "ScheduleUnreadable":
      return cliFailure(
        "schedule.unreadable",
        failure.message,
        "somebody changed its row by hand: mend it, or remove it"
      )
    case "SubscriptionUnreadable":
      return cliFailure(
        "subscription.unreadable",
        failure.message,
        `somebody changed its row by hand: mend it, or \`countersign events unsubscribe ${failure.subscriptionId}\` forgets it`
      )
    case "CancelRefused":
      return cliFailure(`cancel.${failure.reason}`, "it is refused, nothing was changed", failure.advice)
    case "PauseRefused":
      return cliFailure(`pause.${failure.reason}`, "it is refused, nothing was changed", failure.advice)
    case "DispatchRefused":
      return cliFailure(`dispatch.${failure.reason}`, "the dispatch is refused, nothing was stored", failure.advice)
  }
}

/** What a run refuses, each in its own words. */
const refusedTransition = ({ event, from, message, runId }: IllegalTransition): CliFailure => {
  switch (event) {
    case "Cancel":
      return cliFailure(
        "run.completed",
        `run ${runId} is completed already`,
        "only a queued or running one is cancelled"
      )
    case "Retry":
      return cliFailure(
        "run.active",
        `run ${runId} is not over: it is ${from.toLowerCase()}`,
        "only a completed one is done again: wait for its end, or cancel it first"
      )
    default:
      return cliFailure("run.refused", message)
  }
}

/** How deep an error may be wrapped. */
const WRAPPED_MAX = 5

/** The database's own words, where they are all there is to go by: those of the innermost error, on one line. */
const saidByDatabase = (cause: unknown): string | null => {
  let innermost: unknown = cause
  for (let depth = 0; depth < WRAPPED_MAX; depth++) {
    const inner = Predicate.hasProperty(innermost, "reason") ? innermost.reason : innermost
    const within = Predicate.hasProperty(inner, "cause") ? inner.cause : undefined
    if (within === undefined || within === null) break
    innermost = within
  }
  return innermost instanceof Error && innermost.message !== "" ? `it says: ${firstLine(innermost.message)}` : null
}

/** Something that threw where neither we nor the host could catch it. */
export const uncaught = (error: unknown): CliFailure =>
  cliFailure(
    "uncaught",
    `something was thrown where nobody could catch it: ${firstLine(messageOf(error))}`,
    "most likely by the app, in a callback or in a promise that nobody awaits; --log-level debug shows where"
  )

/** What to print was not taken: by a disk that is full, most likely. A reader that has gone (`| head`) is another matter. */
export const outputClosed: CliFailure = cliFailure(
  "output.closed",
  "the results could not be written",
  "is the disk full?"
)

/** The process has nothing left that could wake it, and the command is not done. */
export const stuck: CliFailure = cliFailure(
  "stuck",
  "the program waits for something that can no longer come",
  "most likely the app awaits a promise that nothing settles; nothing was done after that"
)

/** Something nobody foresaw, without its stack trace. */
export const unforeseen = (error: unknown): CliFailure =>
  cliFailure(
    "unforeseen",
    `something unforeseen went wrong: ${firstLine(messageOf(error))}`,
    "if it is not from your own code, report it; --log-level debug may show where it comes from"
  )

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? text
