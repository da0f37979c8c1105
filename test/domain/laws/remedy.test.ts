/**
 * Law `remedy_is_sufficient_and_minimal`: the changes that `explain` proposes allow the run together, and with any one of them left out
 * it stays denied. What a change does is written down here a second time: it does that and nothing beside.
 */
import { type AuthorityFacts, type Change, decide, explain, type Snapshot } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { always } from "../support/cases.ts"

const withFacts = (snapshot: Snapshot, facts: Partial<AuthorityFacts>): Snapshot => ({
  ...snapshot,
  facts: { ...snapshot.facts, ...facts }
})

/** The snapshot after somebody made this change. A change of something that is not there changes nothing. */
const after = (snapshot: Snapshot, { kind, subject: about }: Change): Snapshot => {
  const { requirements, facts, takenAtMillis } = snapshot
  const { operationType, authority, scope } = snapshot.subject
  const { workspaceId, tenantId, providerConnectionId } = scope
  const userId = authority._tag === "ActorBound" ? authority.initiator : null
  const workspace = facts.workspace?.id === workspaceId ? facts.workspace : null
  const tenant = facts.tenant?.id === tenantId ? facts.tenant : null
  const initiator = facts.initiator?.id === userId ? facts.initiator : null
  const member =
    facts.membership?.userId === userId && facts.membership.workspaceId === workspaceId ? facts.membership : null
  const connection = facts.connection?.id === providerConnectionId ? facts.connection : null
  const operable = requirements?.tenantStates[0] ?? "active"
  const names = (id: string | null) => assert.strictEqual(about, id, `${kind} names what has to change`)
  switch (kind) {
    case "create_workspace":
      names(workspaceId)
      return workspace === null ? withFacts(snapshot, { workspace: { id: workspaceId, open: true } }) : snapshot
    case "open_workspace":
      names(workspaceId)
      return workspace === null ? snapshot : withFacts(snapshot, { workspace: { ...workspace, open: true } })
    case "move_tenant":
      names(tenantId)
      return tenant === null ? snapshot : withFacts(snapshot, { tenant: { ...tenant, workspaceId } })
    case "create_tenant":
      names(tenantId)
      return tenant === null && tenantId !== null
        ? withFacts(snapshot, { tenant: { id: tenantId, workspaceId, state: operable } })
        : snapshot
    case "change_tenant_state":
      names(tenantId)
      return tenant === null ? snapshot : withFacts(snapshot, { tenant: { ...tenant, state: operable } })
    case "create_user":
      names(userId)
      return initiator === null && userId !== null
        ? withFacts(snapshot, { initiator: { id: userId, disabled: false } })
        : snapshot
    case "enable_user":
      names(userId)
      return initiator === null ? snapshot : withFacts(snapshot, { initiator: { ...initiator, disabled: false } })
    case "add_member":
      names(userId)
      return member === null && userId !== null
        ? withFacts(snapshot, { membership: { workspaceId, userId, capabilities: [] } })
        : snapshot
    case "grant_capability": {
      names(userId)
      const granted = requirements?.capability ?? null
      return member === null || granted === null
        ? snapshot
        : withFacts(snapshot, { membership: { ...member, capabilities: [...member.capabilities, granted] } })
    }
    case "entitle_initiator":
      names(tenantId)
      return userId === null || tenantId === null
        ? snapshot
        : withFacts(snapshot, { entitlement: { userId, tenantId } })
    case "declare_operation":
      names(operationType)
      return requirements === null ? { ...snapshot, requirements: asksNothing } : snapshot
    case "declare_system_authority":
      names(operationType)
      return requirements === null
        ? snapshot
        : { ...snapshot, requirements: { ...requirements, systemAuthority: true } }
    case "create_connection":
      names(providerConnectionId)
      return connection === null && providerConnectionId !== null
        ? withFacts(snapshot, {
            connection: { id: providerConnectionId, workspaceId, tenantId, enabled: true, connected: true }
          })
        : snapshot
    case "move_connection":
      names(providerConnectionId)
      return connection === null
        ? snapshot
        : withFacts(snapshot, { connection: { ...connection, workspaceId, tenantId } })
    case "enable_connection":
      names(providerConnectionId)
      return connection === null ? snapshot : withFacts(snapshot, { connection: { ...connection, enabled: true } })
    case "connect_provider":
      names(providerConnectionId)
      return connection === null ? snapshot : withFacts(snapshot, { connection: { ...connection, connected: true } })
    case "open_write_gate":
      names(tenantId)
      return tenantId === null
        ? snapshot
        : withFacts(snapshot, { writeGate: { tenantId, health: "ok", checkedAtMillis: takenAtMillis } })
    case "satisfy_prerequisite": {
      const name = requirements?.prerequisites.find((required) => required === about)
      if (name === undefined) assert.fail(`${about} is not asked for`)
      const others = facts.prerequisites.filter(
        (fact) => fact.name !== name || fact.workspaceId !== workspaceId || fact.tenantId !== tenantId
      )
      return withFacts(snapshot, { prerequisites: [...others, { name, workspaceId, tenantId, satisfied: true }] })
    }
  }
}

const asksNothing: NonNullable<Snapshot["requirements"]> = {
  capability: null,
  systemAuthority: true,
  tenantStates: ["active"],
  providerConnection: false,
  writes: false,
  writeGateMaxAgeMillis: 0,
  prerequisites: []
}

describe("laws of the explanation", { timeout: 300_000 }, () => {
  it("remedy_is_sufficient_and_minimal", () => {
    const kinds = new Set<string>()
    always((snapshot) => {
      const { decision, remedy } = explain(snapshot)
      const { requirements, subject } = snapshot
      assert.strictEqual(remedy._tag === "NotNeeded", decision._tag === "Allowed")
      if (remedy._tag === "ChangeFacts") {
        const changed = (changes: ReadonlyArray<Change>) => decide(changes.reduce(after, snapshot))
        assert.strictEqual(changed(remedy.changes)._tag, "Allowed", "together they allow it")
        for (const leftOut of remedy.changes) {
          kinds.add(leftOut.kind)
          const others = remedy.changes.filter((change) => change !== leftOut)
          assert.strictEqual(changed(others)._tag, "Denied", `${leftOut.kind} is needed`)
        }
      }
      // Dispatching again is all that helps exactly when the run does not name what the operation needs.
      const lacks =
        requirements !== null &&
        ((requirements.providerConnection && subject.scope.providerConnectionId === null) ||
          (requirements.writes && subject.scope.tenantId === null))
      assert.strictEqual(remedy._tag === "DispatchAgain", lacks)
      if (remedy._tag === "DispatchAgain") {
        assert.oneOf(remedy.failure.detail, ["connection_not_named", "not_configured"])
      }
    })
    assert.strictEqual(kinds.size, 18, "every kind of change was proposed")
  })
})
