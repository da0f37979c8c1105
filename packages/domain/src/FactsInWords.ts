/**
 * What a decision saw, in words: each fact it could read, and which source it came from. A part of the one presenter.
 *
 * Contract sections 5 and 9.
 */
import type { DecisionRecord } from "./DecisionRecord.ts"
import type { PrerequisiteName } from "./Ids.ts"
import { type AuthorityFacts, knownOfPrerequisite, type Snapshot } from "./Snapshot.ts"
import { durationInWords } from "./TimeInWords.ts"

/** One fact: what it is about, what was seen, and where that came from; null when no source knew it. */
export interface FactInWords {
  readonly about: string
  readonly seen: string
  readonly source: string | null
}

type FactKind = keyof AuthorityFacts

const NOT_KNOWN = "not known"

/** What was seen of each kind of fact; null where the decision had nothing to ask. */
const seenOf: Readonly<Record<FactKind, (snapshot: Snapshot) => string | null>> = {
  workspace: ({ facts: { workspace } }) => (workspace === null ? NOT_KNOWN : workspace.open ? "open" : "closed"),
  initiator: ({ subject, facts: { initiator } }) => {
    if (subject.authority._tag === "SystemAuthority") return null
    return initiator === null ? NOT_KNOWN : initiator.disabled ? "disabled" : "active"
  },
  membership: ({ subject, requirements, facts: { membership } }) => {
    if (subject.authority._tag === "SystemAuthority") return null
    if (membership === null) return "no member"
    const asked = requirements?.capability ?? null
    if (asked === null) return "member"
    return membership.capabilities.includes(asked) ? `member, with ${asked}` : `member, without ${asked}`
  },
  tenant: ({ subject: { scope }, facts: { tenant } }) => {
    if (scope.tenantId === null) return null
    if (tenant === null) return NOT_KNOWN
    return tenant.workspaceId === scope.workspaceId ? tenant.state : `${tenant.state}, in another workspace`
  },
  entitlement: ({ subject, facts: { entitlement } }) => {
    if (subject.scope.tenantId === null || subject.authority._tag === "SystemAuthority") return null
    return entitlement === null ? "no" : "yes"
  },
  connection: ({ subject: { scope }, requirements, facts: { connection } }) => {
    if (requirements?.providerConnection !== true) return null
    if (connection === null) return NOT_KNOWN
    const isOurs = connection.workspaceId === scope.workspaceId && connection.tenantId === scope.tenantId
    const state = `${connection.enabled ? "enabled" : "disabled"}, ${connection.connected ? "connected" : "not connected"}`
    return isOurs ? state : `${state}, of another tenant`
  },
  writeGate: ({ requirements, takenAtMillis, facts: { writeGate } }) => {
    if (requirements?.writes !== true) return null
    if (writeGate === null || writeGate.checkedAtMillis === null) return "never checked"
    return `${writeGate.health}, checked ${durationInWords(Math.max(0, takenAtMillis - writeGate.checkedAtMillis))} before`
  },
  prerequisites: (snapshot) => {
    const names = snapshot.requirements?.prerequisites ?? []
    return names.length === 0 ? null : names.map((name) => `${name}: ${prerequisiteInWords(name, snapshot)}`).join(", ")
  }
}

/** How it stands, as the check takes it: of facts that contradict each other the one that denies counts. */
const prerequisiteInWords = (name: PrerequisiteName, snapshot: Snapshot): string => {
  const known = knownOfPrerequisite(name, snapshot)
  if (known.length === 0) return NOT_KNOWN
  return known.every(({ satisfied }) => satisfied) ? "satisfied" : "not satisfied"
}

const LABELS: ReadonlyArray<readonly [FactKind, string]> = [
  ["workspace", "Workspace"],
  ["initiator", "Initiator"],
  ["membership", "Membership and permission"],
  ["tenant", "State of the tenant"],
  ["entitlement", "Access to the tenant"],
  ["connection", "Provider connection"],
  ["writeGate", "Write gate"],
  ["prerequisites", "Prerequisites"]
]

/** The facts a decision could read, in the order in which it asks for them. */
export const factsInWords = ({ snapshot, sources }: DecisionRecord): ReadonlyArray<FactInWords> =>
  LABELS.flatMap(([kind, about]) => {
    const seen = seenOf[kind](snapshot)
    return seen === null ? [] : [{ about, seen, source: sources[kind] ?? null }]
  })
