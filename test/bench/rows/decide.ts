/** Row 1: the pure decision. */
import {
  type AuthorityFacts,
  actorBound,
  authorize,
  Capability,
  type Decision,
  type Dispatch,
  decide,
  dispatch,
  OperationType,
  PrerequisiteName,
  ProviderConnectionId,
  QUEUED_LIMIT_MILLIS,
  type Queued,
  ReasonCode,
  type Requirements,
  RunId,
  type Snapshot,
  type Subject,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { Effect } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import { randomFrom, SEED, shuffled } from "../harness/random.ts"

const NOW_MILLIS = 1_790_000_000_000
const CASES = 1_000

const prerequisite = PrerequisiteName.make("maintenance_window")

const requirements: Requirements = {
  capability: Capability.make("bench.act"),
  systemAuthority: false,
  tenantStates: ["active"],
  providerConnection: true,
  writes: true,
  writeGateMaxAgeMillis: 60_000,
  prerequisites: []
}
const withPrerequisite: Requirements = { ...requirements, prerequisites: [prerequisite] }

/** Ids are built anew for each case, as a database gives them: equal, but not the same string. */
const subjectOf = (number: number): Subject => ({
  operationType: OperationType.make("bench.sync"),
  authority: actorBound(UserId.make(`user-${number}`)),
  scope: {
    workspaceId: WorkspaceId.make(`workspace-${number % 50}`),
    tenantId: TenantId.make(`tenant-${number % 200}`),
    providerConnectionId: ProviderConnectionId.make(`connection-${number % 200}`)
  }
})

const allowedFacts = (number: number): AuthorityFacts => {
  const { authority, scope } = subjectOf(number)
  const { tenantId, providerConnectionId, workspaceId } = scope
  if (authority._tag !== "ActorBound" || tenantId === null || providerConnectionId === null) {
    throw new Error("every case names a person, a tenant and a connection")
  }
  const userId = authority.initiator
  return {
    workspace: { id: workspaceId, open: true },
    tenant: { id: tenantId, workspaceId, state: "active" },
    initiator: { id: userId, disabled: false },
    membership: { workspaceId, userId, capabilities: [Capability.make("bench.act")] },
    entitlement: { userId, tenantId },
    connection: { id: providerConnectionId, workspaceId, tenantId, enabled: true, connected: true },
    writeGate: { tenantId, health: "ok", checkedAtMillis: NOW_MILLIS - 1_000 },
    prerequisites: []
  }
}

/** How to be denied, once for each reason code of the contract. */
const denials: ReadonlyArray<readonly [ReasonCode, (snapshot: Snapshot) => Snapshot]> = [
  ["workspace_mismatch", withFacts(({ workspace }) => ({ workspace: workspace && { ...workspace, open: false } }))],
  ["initiator_missing", withFacts(() => ({ initiator: null }))],
  ["initiator_not_entitled", withFacts(() => ({ membership: null }))],
  ["tenant_missing", withFacts(() => ({ tenant: null }))],
  ["tenant_not_entitled", withFacts(() => ({ entitlement: null }))],
  [
    "missing_capability",
    withFacts(({ membership }) => ({ membership: membership && { ...membership, capabilities: [] } }))
  ],
  ["tenant_not_operable", withFacts(({ tenant }) => ({ tenant: tenant && { ...tenant, state: "archived" } }))],
  [
    "provider_connection_invalid",
    withFacts(({ connection }) => ({ connection: connection && { ...connection, enabled: false } }))
  ],
  [
    "write_gate_blocked",
    withFacts(({ writeGate }) => ({ writeGate: writeGate && { ...writeGate, checkedAtMillis: 0 } }))
  ],
  ["execution_prerequisite_invalid", (snapshot) => ({ ...snapshot, requirements: withPrerequisite })]
]

function withFacts(change: (facts: AuthorityFacts) => Partial<AuthorityFacts>) {
  return (snapshot: Snapshot): Snapshot => ({ ...snapshot, facts: { ...snapshot.facts, ...change(snapshot.facts) } })
}

const allowedSnapshot = (number: number): Snapshot => ({
  takenAtMillis: NOW_MILLIS,
  subject: subjectOf(number),
  requirements,
  facts: allowedFacts(number)
})

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

export const allAllowed = upTo(CASES).map(allowedSnapshot)

/** Half allowed, the other half denied for every reason equally often, in no particular order. */
export const mixed = shuffled(
  upTo(CASES).map((number) => {
    const [, deny] = denials[(number >> 1) % denials.length] ?? []
    return number % 2 === 0 || deny === undefined ? allowedSnapshot(number) : deny(allowedSnapshot(number))
  }),
  randomFrom(SEED)
)

const isDenied = (decision: Decision) => decision._tag === "Denied"

/** The scenario is what it says it is, or nothing is measured. */
const checkScenario = () => {
  const denied = mixed.map(decide).filter(isDenied)
  const codes = new Set(denied.map(({ failure }) => failure.code))
  if (denied.length !== CASES / 2) throw new Error(`${denied.length} of ${CASES} are denied`)
  for (const code of ReasonCode.literals) if (!codes.has(code)) throw new Error(`no case is denied for ${code}`)
  if (allAllowed.map(decide).some(isDenied)) throw new Error("a case that should be allowed is denied")
}

const queuedFor = (snapshot: Snapshot, number: number): Queued => {
  const dispatched: Dispatch = {
    id: RunId.make(`0190163d-8694-739b-aea5-${number.toString(16).padStart(12, "0")}`),
    subject: snapshot.subject,
    actorKind: "human",
    initiatorName: null,
    payload: {},
    identity: `run ${number}`,
    maxAttempts: 3,
    priority: "normal",
    dispatchedAtMillis: NOW_MILLIS,
    expiresAtMillis: NOW_MILLIS + QUEUED_LIMIT_MILLIS,
    retryOf: null,
    slot: null
  }
  return dispatch(dispatched)
}
const mixedRuns = mixed.map(queuedFor)

/** Goes through all cases once and says how many were denied, so that nothing can be left out as unused. */
type Pass = () => number

const decideAll =
  (snapshots: ReadonlyArray<Snapshot>): Pass =>
  () => {
    let denied = 0
    for (const snapshot of snapshots) if (decide(snapshot)._tag === "Denied") denied += 1
    return denied
  }

const authorizeAll: Pass = () => {
  let denied = 0
  for (let at = 0; at < CASES; at++) {
    const run = mixedRuns[at]
    const snapshot = mixed[at]
    if (run !== undefined && snapshot !== undefined && authorize(run, snapshot)._tag === "Failure") denied += 1
  }
  return denied
}

const nanosecondsOf = (pass: Pass, passes: number): number => {
  const begun = performance.now()
  let denied = 0
  for (let count = 0; count < passes; count++) denied += pass()
  const millis = performance.now() - begun
  if (denied % passes !== 0) throw new Error("the same snapshots gave other decisions")
  return (millis * 1e6) / (passes * CASES)
}

/** Few enough decisions that the collector has no reason to run in between, or the figure would be too small. */
const PASSES_WEIGHED = 20

const bytesOf = (pass: Pass): number => {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < PASSES_WEIGHED; count++) pass()
  return Math.max(0, process.memoryUsage().heapUsed - before - WEIGHING) / (PASSES_WEIGHED * CASES)
}

/** What asking for the heap's size itself allocates. */
const WEIGHING = (() => {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  return process.memoryUsage().heapUsed - before
})()

const caseOf = (name: string, pass: Pass, passes: number): Case => ({
  name,
  measure: Effect.sync(() => [
    { line: name, column: "ns", value: nanosecondsOf(pass, passes) },
    { line: name, column: "bytes allocated", value: bytesOf(pass) }
  ])
})

export const decideRow = (passes: number): Row => {
  checkScenario()
  return {
    key: "decide",
    title: "1. The pure decision",
    unit: "per decision",
    remark: `${CASES} snapshots of ${CASES} people; mixed: half of them denied, for all ${denials.length} reason codes equally often.`,
    cases: [
      caseOf("decide, mixed", decideAll(mixed), passes),
      caseOf("decide, all allowed", decideAll(allAllowed), passes),
      caseOf("authorize, mixed", authorizeAll, passes)
    ]
  }
}
