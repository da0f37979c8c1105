/** Words of the command line for what the contract names in code: checks, actors, times. */
import type { AuditAction, CheckKey, Checks, CheckValue, Tone } from "@countersign/domain"

export const checkNames: Readonly<Record<CheckKey, string>> = {
  workspace_scope: "workspace",
  tenant_scope: "tenant",
  capability: "permission",
  tenant_operability: "tenant's state",
  execution_prerequisites: "prerequisites"
}

const markOf: Readonly<Record<CheckValue, { readonly mark: string; readonly tone: Tone }>> = {
  passed: { mark: "✓", tone: "success" },
  failed: { mark: "✗", tone: "warning" },
  not_applicable: { mark: "–", tone: "neutral" }
}

/** The order in which they are asked. */
export const CHECK_ORDER: ReadonlyArray<CheckKey> = [
  "workspace_scope",
  "tenant_scope",
  "capability",
  "tenant_operability",
  "execution_prerequisites"
]

/** The five checks in their order, each with its mark. */
export const checksInWords = (checks: Checks): ReadonlyArray<{ readonly text: string; readonly tone: Tone }> =>
  CHECK_ORDER.map((key) => {
    const { mark, tone } = markOf[checks[key]]
    return { text: `${mark} ${checkNames[key]}`, tone }
  })

export const actionInWords: Readonly<Record<AuditAction, string>> = {
  "run.dispatched": "dispatched",
  "run.dispatch_failed": "could not be queued",
  "run.decided": "decided",
  "run.started": "started",
  "run.held": "held",
  "run.blocked": "blocked",
  "run.cancelled": "cancelled",
  "run.expired": "given up after waiting too long",
  "run.succeeded": "succeeded",
  "run.partially_succeeded": "partially succeeded",
  "run.failed": "failed",
  "run.attempt_failed": "attempt failed",
  "run.revoked": "blocked while running",
  "run.released": "given back by its worker",
  "run.lease_lost": "taken back from a silent worker"
}

/** An instant for people: to the second, in UTC. */
export const inUtc = (millis: number): string => new Date(millis).toISOString().replace("T", " ").slice(0, 19)

/** An instant for machines. */
export const iso = (millis: number): string => new Date(millis).toISOString()
