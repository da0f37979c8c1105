/**
 * Runs in words: the one presenter and the one badge catalogue, for pages, notices, audit and command line.
 * A raw code is never the sentence. Blocked and failed differ everywhere: blocked is a warning, failed a danger.
 *
 * Contract sections 6 and 9.
 */
import type { Change, ChangeKind } from "./FactChange.ts"
import type { Freshness, ProblemClass } from "./Freshness.ts"
import { nextStepsWhileHeld, reasonInWords, reasonOfRun } from "./ReasonInWords.ts"
import { RESULT_TOO_LARGE, type Run, type RunOutcome, type RunStatus, type Standing, wireStateOf } from "./Run.ts"

/** How a badge is coloured: `warning` for what was stopped, `danger` for what broke. */
export type Tone = "neutral" | "info" | "success" | "warning" | "danger"

/** A short label with its tone. */
export interface Badge {
  readonly label: string
  readonly tone: Tone
}

/** The badge of each status. */
export const statusBadges: Readonly<Record<RunStatus, Badge>> = {
  queued: { label: "Queued", tone: "neutral" },
  running: { label: "Running", tone: "info" },
  completed: { label: "Completed", tone: "neutral" }
}

/** The badge of a run that is held: it stands in the queue as others do, and somebody can help it on. */
export const heldBadge: Badge = { label: "Held", tone: "warning" }

/** The badge of each outcome. */
export const outcomeBadges: Readonly<Record<RunOutcome, Badge>> = {
  pending: { label: "Pending", tone: "neutral" },
  succeeded: { label: "Succeeded", tone: "success" },
  partially_succeeded: { label: "Partially succeeded", tone: "warning" },
  blocked: { label: "Blocked", tone: "warning" },
  failed: { label: "Failed", tone: "danger" },
  cancelled: { label: "Cancelled", tone: "neutral" }
}

/** A badge and the sentence behind it. */
export interface BadgeInWords extends Badge {
  readonly sentence: string
}

const inWords = (label: string, tone: Tone, sentence: string): BadgeInWords => ({ label, tone, sentence })

/** How a run gets on, in words (contract section 8). */
export const freshnessInWords: Readonly<Record<Freshness, BadgeInWords>> = {
  fresh_active: inWords("Fresh", "info", "The run waits or runs as it should."),
  likely_stale: inWords("Likely stale", "warning", "The run has not got on for longer than it should have."),
  reconciled_failed: inWords("Given up", "danger", "The run did not get on, and was ended."),
  terminal_normal: inWords("Over", "neutral", "The run is over.")
}

/** Whether somebody has to look at a run, in words (contract section 8). */
export const problemInWords: Readonly<Record<ProblemClass, BadgeInWords>> = {
  none: inWords("No problem", "neutral", "Nobody has to look at it."),
  active_stale_attention: inWords(
    "Needs attention",
    "warning",
    "Somebody should look whether workers are there and get on."
  ),
  terminal_follow_up: inWords("Needs follow-up", "warning", "Somebody should decide what is to be done about its end.")
}

/**
 * The next steps, the leading one first: after a run's end, or while it is held. Empty while it just waits or runs, and when
 * nothing is to be done.
 */
export const nextStepsFor = (run: Standing): ReadonlyArray<string> => {
  switch (run._tag) {
    case "Queued":
      return run.held === null ? [] : nextStepsWhileHeld(run.held.failure)
    case "Blocked":
      return reasonOfRun(run.failure, run.dispatch.subject.scope).nextSteps
    case "Failed":
      return ["Look at the failure, and start the operation again when its cause is mended."]
    case "PartiallySucceeded":
      return run.failures.every(({ code }) => code === RESULT_TOO_LARGE)
        ? ["Nothing is to be done again. Have whoever maintains the operation store large results elsewhere."]
        : ["Look at what failed, and start the operation again for the rest."]
    default:
      return []
  }
}

/** How a run stands, in one line: "Blocked — the tenant is archived", or "Held — …" while it waits for that to pass. */
export const headlineOf = (run: Standing): string => {
  switch (run._tag) {
    case "Queued":
      if (run.held !== null) return `Held — ${reasonInWords(run.held.failure).reason}`
      return run.startedAtMillis === null ? "Queued" : `Queued — waiting for attempt ${run.attempt}`
    case "Running":
      return `Running — attempt ${run.attempt} of ${run.dispatch.maxAttempts}`
    case "Blocked":
      return `Blocked — ${reasonInWords(run.failure).reason}`
    case "Failed":
      return `Failed — ${run.failure.message}`
    case "PartiallySucceeded":
      return `Partially succeeded — ${run.failures[0].message}`
    case "Succeeded":
    case "Cancelled":
      return outcomeBadgeOf(run).label
  }
}

/** The badge of a run's status; a held run's says so. */
export const statusBadgeOf = (run: Run): Badge =>
  run._tag === "Queued" && run.held !== null ? heldBadge : statusBadges[wireStateOf[run._tag].status]
/** The badge of a run's outcome. */
export const outcomeBadgeOf = (run: Run): Badge => outcomeBadges[wireStateOf[run._tag].outcome]

const changeInWords: Readonly<Record<ChangeKind, (subject: string) => string>> = {
  create_workspace: (subject) => `create the workspace ${subject}`,
  open_workspace: (subject) => `open the workspace ${subject}`,
  move_tenant: (subject) => `move the tenant ${subject} into the run's workspace`,
  create_user: (subject) => `create the user ${subject}`,
  enable_user: (subject) => `enable the user ${subject}`,
  add_member: (subject) => `make ${subject} a member of the workspace`,
  create_tenant: (subject) => `create the tenant ${subject}`,
  entitle_initiator: (subject) => `give the initiator access to the tenant ${subject}`,
  declare_operation: (subject) => `declare the operation ${subject} in the worker's catalogue`,
  declare_system_authority: (subject) => `declare that ${subject} may run under system authority`,
  grant_capability: (subject) => `give ${subject} a role with the required capability`,
  change_tenant_state: (subject) => `bring the tenant ${subject} into a state the operation may run in`,
  create_connection: (subject) => `create the provider connection ${subject}`,
  move_connection: (subject) => `give the provider connection ${subject} to the run's tenant`,
  enable_connection: (subject) => `enable the provider connection ${subject}`,
  connect_provider: (subject) => `reconnect the provider connection ${subject}`,
  open_write_gate: (subject) => `have the hardening of tenant ${subject} checked and found in order`,
  satisfy_prerequisite: (subject) => `satisfy the prerequisite ${subject}`
}

/** A change of facts as an instruction. */
export const describeChange = ({ kind, subject }: Change): string => changeInWords[kind](subject)
