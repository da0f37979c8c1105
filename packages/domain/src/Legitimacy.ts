/**
 * `decide`: the one function the project exists for. Plain, total and pure: the same snapshot gives the same decision.
 *
 * Contract section 4. Laws: `denial_trumps_permission`, `nothing_known_is_denied`, `unknown_is_never_allowed`,
 * `same_snapshot_same_decision`, `exactly_one_failed_check_iff_denied`.
 */
import { type Answer, checks, tenantOf } from "./checks.ts"
import {
  type Allowed,
  type Checks,
  type CheckValue,
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
  // Each check has a call of its own: five functions called from one place, in a loop, cost half as much again.
  const first = workspaceScope.answer(snapshot)
  if (isFailure(first)) return denied(first, 0, 0)
  let notApplicable = bitOf(first, 0)
  const tenant = tenantOf(snapshot)
  const second = tenantScope.answer(snapshot, tenant)
  if (isFailure(second)) return denied(second, 1, notApplicable)
  notApplicable |= bitOf(second, 1)
  const third = capability.answer(snapshot)
  if (isFailure(third)) return denied(third, 2, notApplicable)
  notApplicable |= bitOf(third, 2)
  const fourth = tenantOperability.answer(snapshot, tenant)
  if (isFailure(fourth)) return denied(fourth, 3, notApplicable)
  notApplicable |= bitOf(fourth, 3)
  const fifth = executionPrerequisites.answer(snapshot)
  return isFailure(fifth) ? denied(fifth, 4, notApplicable) : allowed(notApplicable | bitOf(fifth, 4))
}

const [workspaceScope, tenantScope, capability, tenantOperability, executionPrerequisites] = checks

const isFailure = (answer: Answer): answer is Failure => typeof answer === "object"

/** The checks that do not apply, as a set of bits. */
const bitOf = (answer: "passed" | "not_applicable", index: number): number =>
  answer === "not_applicable" ? 1 << index : 0

const allowedDecisions: Array<Allowed> = []

const allowed = (notApplicable: number): Allowed => {
  const known = allowedDecisions[notApplicable]
  if (known !== undefined) return known
  const decision: Allowed = Object.freeze({ _tag: "Allowed", checks: checksOf(notApplicable, checks.length) })
  allowedDecisions[notApplicable] = decision
  return decision
}

/** By failure (each belongs to one check), then by the checks before it that did not apply. */
const deniedDecisions = new Map<Failure, Array<Denied>>()

const denied = (failure: Failure, failedIndex: number, notApplicable: number): Denied => {
  const decisions = deniedDecisions.get(failure) ?? []
  const known = decisions[notApplicable]
  if (known !== undefined) return known
  const decision = deny(failure, failedIndex, notApplicable)
  decisions[notApplicable] = decision
  deniedDecisions.set(failure, decisions)
  return decision
}

const deny = (failure: Failure, failedIndex: number, notApplicable: number): Denied => {
  const denialClass = denialClassOf[failure.code]
  return Object.freeze({
    _tag: "Denied",
    failure,
    denialClass,
    retryable: retryableOf[denialClass],
    checks: checksOf(notApplicable, failedIndex)
  })
}

/** `failedIndex` is the position of the failed check, or past the last one when none failed. */
const checksOf = (notApplicable: number, failedIndex: number): Checks => {
  const valueAt = (index: number): CheckValue => {
    if (index === failedIndex) return "failed"
    return index > failedIndex || (notApplicable & (1 << index)) !== 0 ? "not_applicable" : "passed"
  }
  return Object.freeze({
    workspace_scope: valueAt(0),
    tenant_scope: valueAt(1),
    capability: valueAt(2),
    tenant_operability: valueAt(3),
    execution_prerequisites: valueAt(4)
  })
}
