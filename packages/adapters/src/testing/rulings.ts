/** Decisions for tests: snapshots that allow or deny a run, and the steps that rest on them. */
import {
  type AuthorityFacts,
  admissionStep,
  Capability,
  type Circumstances,
  type Counts,
  type HoldPolicy,
  initiatorOf,
  NOTHING_KNOWN,
  type Queued,
  type Requirements,
  type Run,
  type Running,
  recheckStep,
  type Snapshot,
  type Step,
  type Subject,
  step
} from "@countersign/domain"
import { Result } from "effect"
import { decisionIdAt } from "./World.ts"

/** The capability that {@link requirementsOf} asks for. */
export const CAPABILITY = Capability.make("tests.act")

/**
 * What the operations of tests ask: the capability, a connection and the write gate where the run names what has them. They
 * may run without a person.
 */
export const requirementsOf = ({ scope }: Subject): Requirements => ({
  capability: CAPABILITY,
  systemAuthority: true,
  tenantStates: ["active"],
  providerConnection: scope.providerConnectionId !== null,
  writes: scope.tenantId !== null,
  writeGateMaxAgeMillis: 60_000,
  prerequisites: []
})

/** Every fact there is about this subject, all in its favour. */
export const favourableFacts = ({ authority, scope }: Subject, atMillis: number): AuthorityFacts => {
  const { workspaceId, tenantId, providerConnectionId } = scope
  const userId = initiatorOf(authority)
  return {
    workspace: { id: workspaceId, open: true },
    tenant: tenantId && { id: tenantId, workspaceId, state: "active" },
    initiator: userId && { id: userId, disabled: false },
    membership: userId && { workspaceId, userId, capabilities: [CAPABILITY] },
    entitlement: userId && tenantId && { userId, tenantId },
    connection: providerConnectionId && {
      id: providerConnectionId,
      workspaceId,
      tenantId,
      enabled: true,
      connected: true
    },
    writeGate: tenantId && { tenantId, health: "ok", checkedAtMillis: atMillis },
    prerequisites: []
  }
}

/** A snapshot by which the run may act. */
export const allowingSnapshot = ({ dispatch: { subject } }: Run, takenAtMillis: number): Snapshot => ({
  takenAtMillis,
  subject,
  requirements: requirementsOf(subject),
  facts: favourableFacts(subject, takenAtMillis)
})

/** A snapshot by which it may not: nothing is known. */
export const denyingSnapshot = ({ dispatch: { subject } }: Run, takenAtMillis: number): Snapshot => ({
  takenAtMillis,
  subject,
  requirements: requirementsOf(subject),
  facts: NOTHING_KNOWN
})

/** A snapshot by which it may not for now: all is in its favour but the write gate, which may open again. */
export const shutSnapshot = (run: Run, takenAtMillis: number): Snapshot => {
  const { facts, ...rest } = allowingSnapshot(run, takenAtMillis)
  return { ...rest, facts: { ...facts, writeGate: facts.writeGate && { ...facts.writeGate, health: "degraded" } } }
}

const circumstancesAt = (atMillis: number, epoch: number | null = 1): Circumstances => ({
  decisionId: decisionIdAt(atMillis),
  epoch,
  sources: { workspace: "tests", tenant: "tests" }
})

/** The admission that allows: queued to running. */
export const startStep = (queued: Queued, atMillis: number): Step =>
  Result.getOrThrow(admissionStep(queued, allowingSnapshot(queued, atMillis), circumstancesAt(atMillis)))

/** The admission that denies: queued to blocked. */
export const blockStep = (queued: Queued, atMillis: number): Step =>
  Result.getOrThrow(admissionStep(queued, denyingSnapshot(queued, atMillis), circumstancesAt(atMillis)))

/** How runs of tests are held: asked about again after a second, blocked when held for five. */
export const HOLDING: HoldPolicy = { retryMillis: 1000, deadlineMillis: 5000 }

/** The admission that denies for now, under {@link HOLDING} and the epoch given: queued to held, or to blocked after the deadline. */
export const holdStep = (queued: Queued, atMillis: number, epoch: number | null = 1): Step =>
  Result.getOrThrow(admissionStep(queued, shutSnapshot(queued, atMillis), circumstancesAt(atMillis, epoch), HOLDING))

/** The re-check that allows: the run stays as it is. */
export const confirmStep = (running: Running, atMillis: number): Step =>
  Result.getOrThrow(recheckStep(running, allowingSnapshot(running, atMillis), {}, circumstancesAt(atMillis)))

/** The re-check that denies: running to blocked, with these counts. */
export const revokeStep = (running: Running, atMillis: number, counts: Counts): Step =>
  Result.getOrThrow(recheckStep(running, denyingSnapshot(running, atMillis), counts, circumstancesAt(atMillis)))

/** Any other step; throws where the lifecycle refuses it. */
export const stepOf = (before: Run, event: Parameters<typeof step>[1]): Step => Result.getOrThrow(step(before, event))

/** The successful end of a running run. */
export const succeedStep = (running: Running, atMillis: number, counts: Counts = {}): Step =>
  stepOf(running, { _tag: "Succeed", admission: running.admission, atMillis, counts, result: null })
