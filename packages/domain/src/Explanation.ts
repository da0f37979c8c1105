/**
 * Why a run would start or not, in full: every failing check, not only the first, and the smallest change of facts that would
 * allow it. For people (`countersign explain`, the run page); a decision never depends on it.
 *
 * Contract section 4.
 */
import { Schema } from "effect"
import { checks } from "./checks.ts"
import { CheckKey, Decision, Failure } from "./Decision.ts"
import { Change, changeFor } from "./FactChange.ts"
import { decide } from "./Legitimacy.ts"
import { knownOfPrerequisite, type Snapshot } from "./Snapshot.ts"

/** A check that fails on its own, whether or not an earlier one failed too. */
export const FailingCheck = Schema.Struct({
  check: CheckKey,
  failure: Failure,
  /** What the snapshot holds about it; null or empty where nothing is known. */
  fact: Schema.Json
})
export type FailingCheck = typeof FailingCheck.Type

/** What would have to be different. */
export const Remedy = Schema.TaggedUnion({
  /** The run is allowed as it is. */
  NotNeeded: {},
  /** Together these allow the run, and no part of them does. */
  ChangeFacts: { changes: Schema.NonEmptyArray(Change) },
  /** No change of facts helps: the run itself lacks something it must name. Dispatch it again with that. */
  DispatchAgain: { failure: Failure }
})
export type Remedy = typeof Remedy.Type

/** A decision with everything that is in its way, and what would have to change. */
export const Explanation = Schema.Struct({
  decision: Decision,
  failing: Schema.Array(FailingCheck),
  remedy: Remedy
})
export type Explanation = typeof Explanation.Type

/**
 * Explains the decision that {@link decide} makes of the same snapshot. Pure, and total over snapshots that its schema accepts;
 * it throws on one made by hand that asks for what cannot be, such as a write gate limit below zero.
 */
export const explain = (snapshot: Snapshot): Explanation => ({
  decision: decide(snapshot),
  failing: failingChecks(snapshot),
  remedy: remedyFor(snapshot)
})

/** Whether some change of facts would let it start; if not, it has to be dispatched again, otherwise. */
export const canFactsAllow = (snapshot: Snapshot): boolean => remedyFor(snapshot)._tag !== "DispatchAgain"

const failingChecks = (snapshot: Snapshot): ReadonlyArray<FailingCheck> =>
  checks.flatMap(({ key, failureOf }) => {
    const failure = failureOf(snapshot)
    return failure === null ? [] : [{ check: key, failure, fact: factBehind(failure, snapshot) }]
  })

/**
 * Mends one failure after the other until the run is allowed. Each change answers exactly one failure and makes no other
 * pass, so every one is needed (law `remedy_is_sufficient_and_minimal`).
 */
const remedyFor = (snapshot: Snapshot): Remedy => {
  const changes: Array<Change> = []
  let mended = snapshot
  for (;;) {
    const decision = decide(mended)
    if (decision._tag === "Allowed") {
      const [first, ...rest] = changes
      return first === undefined
        ? Remedy.cases.NotNeeded.make({})
        : Remedy.cases.ChangeFacts.make({ changes: [first, ...rest] })
    }
    const mending = changeFor(decision.failure, mended)
    if (mending === null) return Remedy.cases.DispatchAgain.make({ failure: decision.failure })
    const { kind, subject } = mending.change
    if (changes.some((made) => made.kind === kind && made.subject === subject)) {
      throw new RangeError(`${kind} ${subject} mends nothing: the snapshot asks for what cannot be`)
    }
    changes.push(mending.change)
    mended = mending.mended
  }
}

const factBehind = ({ code, about }: Failure, snapshot: Snapshot): Schema.Json => {
  const { facts, requirements, subject } = snapshot
  switch (code) {
    case "workspace_mismatch":
      return { workspace: facts.workspace, tenant: facts.tenant }
    case "initiator_missing":
    case "initiator_not_entitled":
      return { initiator: facts.initiator, membership: facts.membership }
    case "tenant_missing":
    case "tenant_not_operable":
      return { tenant: facts.tenant }
    case "tenant_not_entitled":
      return { entitlement: facts.entitlement }
    case "missing_capability":
      return { operation: subject.operationType, requires: requirements, membership: facts.membership }
    case "provider_connection_invalid":
      return { connection: facts.connection }
    case "write_gate_blocked":
      return { writeGate: facts.writeGate }
    case "execution_prerequisite_invalid":
      return { prerequisites: knownOfPrerequisite(about, snapshot) }
  }
}
