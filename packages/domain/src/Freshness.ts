/**
 * Whether a run is getting on, for people who watch: is it fresh, likely stale, given up, or at its end, and does somebody have to
 * look at it.
 *
 * Contract section 8.
 */
import { Schema } from "effect"
import { RUN_UNREADABLE, type Run, type RunOutcome, type RunStatus } from "./Run.ts"

/** How a run gets on; wire values. */
export const Freshness = Schema.Literals(["fresh_active", "likely_stale", "reconciled_failed", "terminal_normal"])
export type Freshness = typeof Freshness.Type

/** Whether somebody has to look, and at what: a run that does not get on, or an end. Wire values. */
export const ProblemClass = Schema.Literals(["none", "active_stale_attention", "terminal_follow_up"])
export type ProblemClass = typeof ProblemClass.Type

/** What is known beside the run itself. */
export interface Watch {
  readonly nowMillis: number
  /** When the lease of a running run ends; null when it has none. */
  readonly leaseUntilMillis: number | null
}

/** The codes under which the reconciler gives runs up. */
export const RECONCILED_CODES: ReadonlyArray<string> = ["run.stale_queued", "run.stale_running", RUN_UNREADABLE]
const RECONCILED: ReadonlySet<string> = new Set(RECONCILED_CODES)

/**
 * A queued run is likely stale once it has used half of the time it may wait, counted from when it could first be taken. A held
 * run waits with a reason and is fresh until its time is up: past that, nobody has come to end it. A running run is likely stale
 * when its lease has ended.
 */
export const freshnessOf = (run: Run, { nowMillis, leaseUntilMillis }: Watch): Freshness => {
  switch (run._tag) {
    case "Queued": {
      const { expiresAtMillis } = run.dispatch
      const sinceMillis = run.held === null ? Math.min(run.availableAtMillis, expiresAtMillis) : expiresAtMillis
      return nowMillis >= (sinceMillis + expiresAtMillis) / 2 ? "likely_stale" : "fresh_active"
    }
    case "Running":
      return leaseUntilMillis === null || nowMillis > leaseUntilMillis ? "likely_stale" : "fresh_active"
    case "Failed":
      return RECONCILED.has(run.failure.code) ? "reconciled_failed" : "terminal_normal"
    default:
      return "terminal_normal"
  }
}

/** A part of all runs, by their wire state. */
export interface Whereabouts {
  readonly status?: RunStatus
  readonly outcome?: RunOutcome
}

/** Where runs of each freshness are found, so that a search need not look at all of them. */
export const whereaboutsOf: Readonly<Record<Freshness, ReadonlyArray<Whereabouts>>> = {
  fresh_active: [{ status: "queued" }, { status: "running" }],
  likely_stale: [{ status: "queued" }, { status: "running" }],
  reconciled_failed: [{ status: "completed", outcome: "failed" }],
  terminal_normal: [{ status: "completed" }]
}

/** Whether somebody has to look: at an active run that does not get on, or after an end that is not a success. */
export const problemClassOf = (run: Run, watch: Watch): ProblemClass => {
  if (freshnessOf(run, watch) === "likely_stale") return "active_stale_attention"
  switch (run._tag) {
    case "Blocked":
    case "Failed":
    case "PartiallySucceeded":
      return "terminal_follow_up"
    default:
      return "none"
  }
}
