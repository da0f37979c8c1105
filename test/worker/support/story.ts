/** The story a run's audit records tell, and whether it is one that the lifecycle allows. */
import { type AuditRecord, isCompleted, type Run } from "@countersign/domain"

type Chapter = "Nothing" | "Queued" | "Allowed" | "Denied" | "Running" | "RunningDenied" | "Ended"

/** Which action may follow in which chapter, and where it leads. */
const next: Readonly<Record<Chapter, (record: AuditRecord, maxAttempts: number) => Chapter | null>> = {
  Nothing: ({ action }) => (action === "run.dispatched" ? "Queued" : action === "run.dispatch_failed" ? "Ended" : null),
  Queued: ({ action, outcome }) => {
    if (action === "run.decided") return outcome === "blocked" ? "Denied" : "Allowed"
    return action === "run.cancelled" || action === "run.expired" ? "Ended" : null
  },
  Allowed: ({ action }) => (action === "run.started" ? "Running" : null),
  Denied: ({ action }) => (action === "run.blocked" ? "Ended" : action === "run.held" ? "Queued" : null),
  Running: ({ action, outcome, attempt }, maxAttempts) => {
    switch (action) {
      case "run.decided":
        return outcome === "blocked" ? "RunningDenied" : "Running"
      case "run.released":
        return "Queued"
      case "run.attempt_failed":
      case "run.lease_lost":
        return attempt < maxAttempts ? "Queued" : "Ended"
      case "run.succeeded":
      case "run.partially_succeeded":
      case "run.failed":
      case "run.cancelled":
        return "Ended"
      default:
        return null
    }
  },
  RunningDenied: ({ action }) => (action === "run.revoked" ? "Ended" : null),
  Ended: () => null
}

const lastActionOf: Readonly<Record<Run["_tag"], ReadonlyArray<AuditRecord["action"]>>> = {
  Queued: ["run.dispatched", "run.held", "run.released", "run.attempt_failed", "run.lease_lost"],
  Running: ["run.started", "run.decided"],
  Succeeded: ["run.succeeded"],
  PartiallySucceeded: ["run.partially_succeeded"],
  Blocked: ["run.blocked", "run.revoked"],
  Failed: ["run.failed", "run.expired", "run.attempt_failed", "run.lease_lost", "run.dispatch_failed"],
  Cancelled: ["run.cancelled"]
}

/** What is wrong with the story, or null: every step is there, in order, and under the right attempt and admission. */
export const flawOf = (run: Run, records: ReadonlyArray<AuditRecord>): string | null => {
  const { maxAttempts } = run.dispatch
  let chapter: Chapter = "Nothing"
  let attempt = 1
  let admission = 1
  for (const [at, record] of records.entries()) {
    const where = `record ${at}, ${record.action}`
    const following: Chapter | null = next[chapter](record, maxAttempts)
    if (following === null) return `${where}: cannot follow in ${chapter}`
    if (record.attempt !== attempt) return `${where}: attempt ${record.attempt}, expected ${attempt}`
    if (record.admission !== admission) return `${where}: admission ${record.admission}, expected ${admission}`
    const previous = records[at - 1]
    if (previous !== undefined && record.occurredAtMillis < previous.occurredAtMillis)
      return `${where}: before the last`
    if (following === "Queued" && chapter !== "Nothing") {
      admission += 1
      if (record.action !== "run.released" && record.action !== "run.held") attempt += 1
    }
    chapter = following
  }
  if (isCompleted(run) !== (chapter === "Ended")) return `the story is in ${chapter}, the run ${run._tag}`
  const last = records.at(-1)
  if (last === undefined || !lastActionOf[run._tag].includes(last.action)) {
    return `the last action is ${last?.action}, the run ${run._tag}`
  }
  if (run.attempt !== attempt || run.admission !== admission) {
    return `the story ends at attempt ${attempt}, admission ${admission}; the run is at ${run.attempt}, ${run.admission}`
  }
  return null
}
