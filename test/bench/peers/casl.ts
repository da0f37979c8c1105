/**
 * CASL, asked about the same people and facts as `decide`. Its ability is built from the facts of each question, as it must be
 * where they may have changed since the work was dispatched: it says what the person may do, to which tenants. What CASL is not made
 * for (the state of the tenant, the connection, the write gate) is compared by hand behind it, which is the cheapest way.
 *
 * In a process of its own: several policy libraries in one make V8 abort.
 */
import { createMongoAbility, subject } from "@casl/ability"
import { decide, type Snapshot } from "@countersign/domain"
import { nanosecondsOf, type Pass } from "../harness/passes.ts"
import { serve } from "../harness/serve.ts"
import { mixed } from "../rows/scenario.ts"

/** What a role carries beside the capability in question. */
const OTHERS = Array.from({ length: 19 }, (_, at) => `bench.other_${at + 1}`)

/** The rules of one person at this moment: a grant for each capability, bound to the tenants they may touch. */
const abilityFrom = ({ facts }: Snapshot, others: ReadonlyArray<string>) => {
  const tenantId = facts.entitlement?.tenantId ?? null
  return createMongoAbility(
    [...others, ...(facts.membership?.capabilities ?? [])].map((capability) => ({
      action: "act",
      subject: capability,
      conditions: { tenantId }
    }))
  )
}

const isFresh = ({ facts: { writeGate }, requirements, takenAtMillis }: Snapshot): boolean =>
  requirements !== null &&
  writeGate !== null &&
  writeGate.health === "ok" &&
  writeGate.checkedAtMillis !== null &&
  takenAtMillis - writeGate.checkedAtMillis <= requirements.writeGateMaxAgeMillis

/** Whether the run may start. */
const allows = (snapshot: Snapshot, others: ReadonlyArray<string>): boolean => {
  const { facts, requirements } = snapshot
  const { scope } = snapshot.subject
  const ability = abilityFrom(snapshot, others)
  return (
    requirements !== null &&
    requirements.capability !== null &&
    ability.can("act", subject(requirements.capability, { tenantId: scope.tenantId })) &&
    facts.workspace?.open === true &&
    facts.initiator?.disabled === false &&
    facts.tenant?.workspaceId === scope.workspaceId &&
    requirements.tenantStates.some((state) => state === facts.tenant?.state) &&
    facts.connection?.enabled === true &&
    facts.connection.connected &&
    isFresh(snapshot) &&
    requirements.prerequisites.every((name) =>
      facts.prerequisites.some((known) => known.name === name && known.satisfied)
    )
  )
}

const answersOf =
  (others: ReadonlyArray<string>): Pass =>
  () => {
    let denied = 0
    for (const snapshot of mixed) if (!allows(snapshot, others)) denied += 1
    return denied
  }

/** Nanoseconds for one decision. */
const timed = (others: ReadonlyArray<string>) => async (passes: number) => {
  for (const snapshot of mixed) {
    if (allows(snapshot, others) !== (decide(snapshot)._tag === "Allowed")) throw new Error("CASL does not agree")
  }
  return nanosecondsOf(answersOf(others), passes, { cases: mixed.length, denied: mixed.length / 2 })
}

serve({ "decide, 20 capabilities": timed(OTHERS), "decide, 1 capability": timed([]) })
