/**
 * `decide`: the one function the project exists for. Plain, total and pure: the same snapshot gives the same decision.
 *
 * Contract section 4. Laws: `denial_trumps_permission`, `nothing_known_is_denied`, `unknown_is_never_allowed`,
 * `same_snapshot_same_decision`, `exactly_one_failed_check_iff_denied`.
 */
import { type Check, checks } from "./checks.ts"
import {
  type Allowed,
  type CheckKey,
  type Checks,
  type CheckValue,
  checkOf,
  type Decision,
  type Denied,
  denialClassOf,
  type Failure,
  retryableOf
} from "./Decision.ts"
import type { Snapshot } from "./Snapshot.ts"

/**
 * Whether a run may start, from the facts of this moment.
 *
 * **Details**
 *
 * The five checks are asked in order and the first failure wins. Decisions are values of a small finite set, frozen and
 * shared, so that deciding allocates nothing.
 *
 * Source: contract section 4.
 */
export const decide = (snapshot: Snapshot): Decision => {
  const failure = failureOf(snapshot)
  const outside = outsideOf(snapshot)
  return failure === null
    ? (allowedDecisions[outside] ?? allow(snapshot, outside))
    : (deniedDecisions.get(failure)?.[outside] ?? deny(snapshot, failure, outside))
}

/**
 * Each check has a call of its own: five functions called from one place, in a loop, cost half as much again. What an earlier check
 * has found to be about the run is handed to a later one, as it is: comparing ids is most of what a decision costs.
 */
const failureOf = (snapshot: Snapshot): Failure | null =>
  workspaceScope.failureOf(snapshot) ??
  tenantScope.failureOf(snapshot) ??
  capability.failureOf(snapshot, snapshot.facts.membership) ??
  tenantOperability.failureOf(snapshot, snapshot.facts.tenant) ??
  executionPrerequisites.failureOf(snapshot)

const [workspaceScope, tenantScope, capability, tenantOperability, executionPrerequisites] = checks

/** Which checks do not apply, as bits: two of them ask about the tenant, and the first always applies. */
const outsideOf = (snapshot: Snapshot): number =>
  (tenantScope.applies(snapshot) ? 0 : 1) |
  (capability.applies(snapshot) ? 0 : 2) |
  (executionPrerequisites.applies(snapshot) ? 0 : 4)

const allowedDecisions: Array<Allowed> = []

const allow = (snapshot: Snapshot, outside: number): Allowed => {
  const decision: Allowed = Object.freeze({ _tag: "Allowed", checks: checksOf(snapshot, null) })
  allowedDecisions[outside] = decision
  return decision
}

const deniedDecisions = new Map<Failure, Array<Denied>>()

const deny = (snapshot: Snapshot, failure: Failure, outside: number): Denied => {
  const denialClass = denialClassOf[failure.code]
  const decision: Denied = Object.freeze({
    _tag: "Denied",
    failure,
    denialClass,
    retryable: retryableOf[denialClass],
    checks: checksOf(snapshot, checkOf[failure.code])
  })
  const decisions = deniedDecisions.get(failure) ?? []
  decisions[outside] = decision
  deniedDecisions.set(failure, decisions)
  return decision
}

/** `failed` is the check that failed; null when none did. */
const checksOf = (snapshot: Snapshot, failed: CheckKey | null): Checks => {
  const failedIndex = failed === null ? checks.length : checks.findIndex(({ key }) => key === failed)
  const valueAt = ({ applies }: Pick<Check, "applies">, index: number): CheckValue => {
    if (index === failedIndex) return "failed"
    return index < failedIndex && applies(snapshot) ? "passed" : "not_applicable"
  }
  return Object.freeze({
    workspace_scope: valueAt(checks[0], 0),
    tenant_scope: valueAt(checks[1], 1),
    capability: valueAt(checks[2], 2),
    tenant_operability: valueAt(checks[3], 3),
    execution_prerequisites: valueAt(checks[4], 4)
  })
}
