/** Counts what a worker does, and tells it in the log. */
import { headlineOf, type Run, type RunOutcome, wireStateOf } from "@countersign/domain"
import { Effect } from "effect"
import type { WorkerObserver } from "../WorkerEvent.ts"
import { printable } from "./render/Style.ts"

/** How many runs came to what; `retried` and `given_back` were queued again, `held` stayed queued. */
export type Counts = Readonly<Record<Exclude<RunOutcome, "pending"> | "held" | "retried" | "given_back", number>>

/** An observer that counts. */
export interface Tally {
  readonly observe: WorkerObserver
  readonly counts: () => Counts
}

/** A tally that begins with nothing. */
export const makeTally = (): Tally => {
  const counts = {
    succeeded: 0,
    partially_succeeded: 0,
    blocked: 0,
    failed: 0,
    cancelled: 0,
    held: 0,
    retried: 0,
    given_back: 0
  }

  // What is given back waits as the attempt it was.
  const settled = (run: Run, attempt: number) => {
    const { outcome } = wireStateOf[run._tag]
    if (outcome !== "pending") counts[outcome] += 1
    else if (run.attempt === attempt) counts.given_back += 1
    else counts.retried += 1
  }

  const observe: WorkerObserver = (event) => {
    switch (event._tag) {
      case "Started":
        return log("started", event.run)
      case "Blocked":
        counts.blocked += 1
        return log(headlineOf(event.run), event.run)
      case "Held":
        counts.held += 1
        return log(headlineOf(event.run), event.run)
      case "Settled":
        settled(event.run, event.attempt)
        return log(headlineOf(event.run), event.run)
      case "Revoked":
        counts.blocked += 1
        return Effect.annotateLogs(Effect.logInfo("blocked while running"), { run: event.runId })
    }
  }

  return { observe, counts: () => ({ ...counts }) }
}

const log = (what: string, { dispatch, attempt }: Run) =>
  Effect.logInfo(printable(`${dispatch.subject.operationType}: ${what}`)).pipe(
    Effect.annotateLogs({ run: dispatch.id, attempt })
  )
