/**
 * Whether a person may touch a target and do an operation there: the first three checks of a decision, and no other rule. For what a
 * person answers for without acting, such as a schedule; whether its runs may start is decided each time, as for any run.
 *
 * Contract section 4.
 */
import type { CheckKey, Failure } from "./Decision.ts"
import { decide } from "./Legitimacy.ts"
import type { Snapshot } from "./Snapshot.ts"

const ACCESS_CHECKS: ReadonlyArray<CheckKey> = ["workspace_scope", "tenant_scope", "capability"]

/**
 * Why the initiator of the snapshot has no access; null when they have. The checks are asked in order: a decision that is denied by
 * a later one has found access in order.
 */
export const accessFailure = (snapshot: Snapshot): Failure | null => {
  const decision = decide(snapshot)
  if (decision._tag === "Allowed") return null
  return ACCESS_CHECKS.some((key) => decision.checks[key] === "failed") ? decision.failure : null
}
