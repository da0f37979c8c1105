/** The mixed scenario of decisions: half allowed, half denied, for every reason equally often. */
import {
  type AuthorityFacts,
  actorBound,
  Capability,
  Operation,
  ProviderConnectionId,
  ReasonCode,
  type Snapshot,
  type Subject,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { Schema } from "effect"
import { randomFrom, SEED, shuffled } from "../harness/random.ts"

export const NOW_MILLIS = 1_790_000_000_000
/** How many snapshots there are. */
export const CASES = 1_000

const GATE_MILLIS = 60_000
const act = Capability.make("bench.act")

const operationWith = (prerequisites: ReadonlyArray<string>) =>
  Operation.make({
    type: "bench.sync",
    capability: act,
    providerConnection: true,
    writes: true,
    writeGateMaxAgeMillis: GATE_MILLIS,
    prerequisites,
    payload: Schema.Void,
    result: Schema.Void
  })
const operation = operationWith([])
/** Asks for something that nobody has told of. */
const strict = operationWith(["maintenance_window"])

/** A text of its own, as a driver makes it out of bytes: equal to others, but not the same string. */
const told = (text: string): string => Buffer.from(text).toString()

/** One string for each name, as our readers of rows have it: they remember the names they have checked. */
const names = <Name extends string>(make: (text: string) => Name) => {
  const known = new Map<string, Name>()
  return (text: string): Name => {
    const name = known.get(text) ?? make(told(text))
    known.set(text, name)
    return name
  }
}
const workspaceOf = names(WorkspaceId.make)
const tenantOf = names(TenantId.make)
const userOf = names(UserId.make)
const connectionOf = names(ProviderConnectionId.make)

const namesOf = (number: number) => ({
  workspaceId: workspaceOf(`workspace-${number % 50}`),
  tenantId: tenantOf(`tenant-${number % 200}`),
  connectionId: connectionOf(`connection-${number % 200}`),
  userId: userOf(`user-${number}`)
})

const subjectOf = (number: number): Subject => {
  const { workspaceId, tenantId, connectionId, userId } = namesOf(number)
  return {
    operationType: operation.type,
    authority: actorBound(userId),
    scope: { workspaceId, tenantId, providerConnectionId: connectionId }
  }
}

/** Facts in which this is wrong, and nothing when it is null. Written like the facts of `layerPostgres`: each has one shape. */
const factsOf = (number: number, wrong: ReasonCode | null): AuthorityFacts => {
  const { workspaceId, tenantId, connectionId, userId } = namesOf(number)
  const unless = <Fact>(code: ReasonCode, fact: Fact): Fact | null => (wrong === code ? null : fact)
  return {
    workspace: { id: workspaceId, open: wrong !== "workspace_mismatch" },
    tenant: unless("tenant_missing", {
      id: tenantId,
      workspaceId,
      state: told(wrong === "tenant_not_operable" ? "archived" : "active")
    }),
    initiator: unless("initiator_missing", { id: userId, disabled: false }),
    membership: unless("initiator_not_entitled", {
      workspaceId,
      userId,
      capabilities: wrong === "missing_capability" ? [] : [act]
    }),
    entitlement: unless("tenant_not_entitled", { userId, tenantId }),
    connection: {
      id: connectionId,
      workspaceId,
      tenantId,
      enabled: wrong !== "provider_connection_invalid",
      connected: true
    },
    writeGate: {
      tenantId,
      health: told("ok"),
      checkedAtMillis: NOW_MILLIS - (wrong === "write_gate_blocked" ? 2 : 0.5) * GATE_MILLIS
    },
    prerequisites: []
  }
}

const snapshotOf = (number: number, wrong: ReasonCode | null): Snapshot => ({
  takenAtMillis: NOW_MILLIS,
  subject: subjectOf(number),
  requirements: wrong === "execution_prerequisite_invalid" ? strict.requirements : operation.requirements,
  facts: factsOf(number, wrong)
})

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

export const allAllowed = upTo(CASES).map((number) => snapshotOf(number, null))

const codes = ReasonCode.literals

/** Half allowed, the other half denied for every reason equally often, in no particular order. */
export const mixed = shuffled(
  upTo(CASES).map((number) =>
    snapshotOf(number, number % 2 === 0 ? null : (codes[(number >> 1) % codes.length] ?? null))
  ),
  randomFrom(SEED)
)
