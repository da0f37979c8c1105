/**
 * The decision once more, naively: section 4 of the contract as a list of rules, one row for each way to fail, in the
 * contract's order. Written from that page alone, for reading beside it; nothing here is shared with the code it judges
 * but the names of types. Detail codes are those of `DetailCode`.
 */
import type { Snapshot } from "@countersign/domain"

export interface ContractDecision {
  readonly allowed: boolean
  readonly reason_code: string | null
  readonly detail: string | null
  readonly about: string | null
  readonly denial_class: string | null
  readonly retryable: boolean
  readonly checks: Readonly<Record<string, string>>
}

type Question = (run: Snapshot) => boolean

// ---- the words of the questions

const isActorBound: Question = ({ subject }) => subject.authority._tag === "ActorBound"
const isSystem: Question = (run) => !isActorBound(run)
const initiatorOfRun = ({ subject }: Snapshot) =>
  subject.authority._tag === "ActorBound" ? subject.authority.initiator : undefined

const hasTenant: Question = ({ subject }) => subject.scope.tenantId !== null
const namesConnection: Question = ({ subject }) => subject.scope.providerConnectionId !== null

const workspaceExists: Question = ({ subject, facts }) =>
  facts.workspace !== null && facts.workspace.id === subject.scope.workspaceId
const workspaceIsOpen: Question = ({ facts }) => facts.workspace?.open === true
const tenantExists: Question = ({ subject, facts }) =>
  facts.tenant !== null && facts.tenant.id === subject.scope.tenantId
const tenantIsOfTheWorkspace: Question = ({ subject, facts }) =>
  facts.tenant !== null && facts.tenant.workspaceId === subject.scope.workspaceId
const initiatorExists: Question = (run) =>
  run.facts.initiator !== null && run.facts.initiator.id === initiatorOfRun(run)
const initiatorIsDisabled: Question = ({ facts }) => facts.initiator?.disabled === true
const initiatorIsMember: Question = (run) =>
  run.facts.membership !== null &&
  run.facts.membership.userId === initiatorOfRun(run) &&
  run.facts.membership.workspaceId === run.subject.scope.workspaceId
const initiatorIsEntitled: Question = (run) =>
  run.facts.entitlement !== null &&
  run.facts.entitlement.userId === initiatorOfRun(run) &&
  run.facts.entitlement.tenantId === run.subject.scope.tenantId

const operationIsKnown: Question = ({ requirements }) => requirements !== null
const declaresSystemAuthority: Question = ({ requirements }) => requirements?.systemAuthority === true
const requiresCapability: Question = ({ requirements }) => requirements !== null && requirements.capability !== null
const initiatorHoldsIt: Question = ({ requirements, facts }) => {
  const required = requirements === null ? null : requirements.capability
  return required !== null && facts.membership !== null && facts.membership.capabilities.indexOf(required) >= 0
}

const stateIsOperable: Question = ({ requirements, facts }) => {
  if (requirements === null || facts.tenant === null) return false
  const operable: ReadonlyArray<string> = requirements.tenantStates
  return operable.indexOf(facts.tenant.state) >= 0
}

const needsConnection: Question = ({ requirements }) => requirements?.providerConnection === true
const connectionExists: Question = ({ subject, facts }) =>
  facts.connection !== null && facts.connection.id === subject.scope.providerConnectionId
const connectionIsOfTheTenant: Question = ({ subject, facts }) =>
  facts.connection !== null &&
  facts.connection.workspaceId === subject.scope.workspaceId &&
  facts.connection.tenantId === subject.scope.tenantId
const connectionIsEnabled: Question = ({ facts }) => facts.connection?.enabled === true
const connectionIsConnected: Question = ({ facts }) => facts.connection?.connected === true

const writes: Question = ({ requirements }) => requirements?.writes === true
const gateWasChecked: Question = ({ subject, facts }) =>
  facts.writeGate !== null &&
  facts.writeGate.tenantId === subject.scope.tenantId &&
  facts.writeGate.health !== "not_configured" &&
  facts.writeGate.checkedAtMillis !== null
const gateIsHealthy: Question = ({ facts }) => facts.writeGate !== null && facts.writeGate.health === "ok"
const gateIsFresh: Question = ({ requirements, facts, takenAtMillis }) => {
  if (requirements === null || facts.writeGate === null || facts.writeGate.checkedAtMillis === null) return false
  return takenAtMillis <= facts.writeGate.checkedAtMillis + requirements.writeGateMaxAgeMillis
}

const namesPrerequisites: Question = ({ requirements }) =>
  requirements !== null && requirements.prerequisites.length > 0

/** What the facts say of each of the host's prerequisites, in the order the operation names them. */
const standingOfPrerequisites = ({ subject, requirements, facts }: Snapshot) =>
  (requirements === null ? [] : requirements.prerequisites).map((name) => {
    let known = false
    let unsatisfied = false
    for (const fact of facts.prerequisites) {
      const isOurs =
        fact.name === name && fact.workspaceId === subject.scope.workspaceId && fact.tenantId === subject.scope.tenantId
      known = known || isOurs
      unsatisfied = unsatisfied || (isOurs && !fact.satisfied)
    }
    return { name, standing: !known ? "unknown" : unsatisfied ? "unsatisfied" : "satisfied" }
  })
const firstOpenPrerequisite = (run: Snapshot) =>
  standingOfPrerequisites(run).find(({ standing }) => standing !== "satisfied")

// ---- the table

interface Rule {
  readonly check: string
  readonly fails: Question
  readonly code: string
  readonly detail: string
  readonly about?: (run: Snapshot) => string
}

const rules: ReadonlyArray<Rule> = [
  {
    check: "workspace_scope",
    fails: (run) => !workspaceExists(run),
    code: "workspace_mismatch",
    detail: "workspace_missing"
  },
  {
    check: "workspace_scope",
    fails: (run) => !workspaceIsOpen(run),
    code: "workspace_mismatch",
    detail: "workspace_closed"
  },
  {
    check: "workspace_scope",
    fails: (run) => hasTenant(run) && tenantExists(run) && !tenantIsOfTheWorkspace(run),
    code: "workspace_mismatch",
    detail: "tenant_elsewhere"
  },
  {
    check: "workspace_scope",
    fails: (run) => isActorBound(run) && !initiatorExists(run),
    code: "initiator_missing",
    detail: "user_missing"
  },
  {
    check: "workspace_scope",
    fails: (run) => isActorBound(run) && initiatorIsDisabled(run),
    code: "initiator_not_entitled",
    detail: "user_disabled"
  },
  {
    check: "workspace_scope",
    fails: (run) => isActorBound(run) && !initiatorIsMember(run),
    code: "initiator_not_entitled",
    detail: "not_a_member"
  },

  {
    check: "tenant_scope",
    fails: (run) => hasTenant(run) && !tenantExists(run),
    code: "tenant_missing",
    detail: "tenant_missing"
  },
  {
    check: "tenant_scope",
    fails: (run) => hasTenant(run) && isActorBound(run) && !initiatorIsEntitled(run),
    code: "tenant_not_entitled",
    detail: "not_entitled"
  },

  {
    check: "capability",
    fails: (run) => !operationIsKnown(run),
    code: "missing_capability",
    detail: "operation_unknown"
  },
  {
    check: "capability",
    fails: (run) => isSystem(run) && !declaresSystemAuthority(run),
    code: "missing_capability",
    detail: "system_authority_not_declared"
  },
  {
    check: "capability",
    fails: (run) => isActorBound(run) && requiresCapability(run) && !initiatorHoldsIt(run),
    code: "missing_capability",
    detail: "not_held"
  },

  {
    check: "tenant_operability",
    fails: (run) => hasTenant(run) && !stateIsOperable(run),
    code: "tenant_not_operable",
    detail: "tenant_state",
    about: ({ facts }) => {
      const state = facts.tenant === null ? "" : facts.tenant.state
      return ["draft", "onboarding", "active", "archived"].indexOf(state) >= 0 ? state : "unrecognised"
    }
  },

  ...[
    { fails: (run: Snapshot) => !namesConnection(run), detail: "connection_not_named" },
    { fails: (run: Snapshot) => !connectionExists(run), detail: "connection_missing" },
    { fails: (run: Snapshot) => !connectionIsOfTheTenant(run), detail: "connection_elsewhere" },
    { fails: (run: Snapshot) => !connectionIsEnabled(run), detail: "connection_disabled" },
    { fails: (run: Snapshot) => !connectionIsConnected(run), detail: "connection_disconnected" }
  ].map(({ fails, detail }) => ({
    check: "execution_prerequisites",
    fails: (run: Snapshot) => needsConnection(run) && fails(run),
    code: "provider_connection_invalid",
    detail
  })),
  ...[
    { fails: (run: Snapshot) => !gateWasChecked(run), detail: "not_configured" },
    { fails: (run: Snapshot) => !gateIsHealthy(run), detail: "unhealthy" },
    { fails: (run: Snapshot) => !gateIsFresh(run), detail: "stale" }
  ].map(({ fails, detail }) => ({
    check: "execution_prerequisites",
    fails: (run: Snapshot) => writes(run) && fails(run),
    code: "write_gate_blocked",
    detail
  })),
  ...["unknown", "unsatisfied"].map((standing) => ({
    check: "execution_prerequisites",
    fails: (run: Snapshot) => namesPrerequisites(run) && firstOpenPrerequisite(run)?.standing === standing,
    code: "execution_prerequisite_invalid",
    detail: `prerequisite_${standing}`,
    about: (run: Snapshot) => firstOpenPrerequisite(run)?.name ?? ""
  }))
]

/** Where a check that does not fail has nothing to ask. */
const notApplicable: ReadonlyArray<readonly [check: string, Question]> = [
  ["workspace_scope", () => false],
  ["tenant_scope", (run) => !hasTenant(run)],
  ["capability", (run) => isSystem(run) || !requiresCapability(run)],
  ["tenant_operability", (run) => !hasTenant(run)],
  ["execution_prerequisites", (run) => !needsConnection(run) && !writes(run) && !namesPrerequisites(run)]
]

const classes: Readonly<Record<string, string>> = {
  workspace_mismatch: "scope_denied",
  initiator_missing: "initiator_invalid",
  initiator_not_entitled: "initiator_invalid",
  tenant_missing: "scope_denied",
  tenant_not_entitled: "scope_denied",
  missing_capability: "capability_denied",
  tenant_not_operable: "tenant_not_operable",
  provider_connection_invalid: "prerequisite_invalid",
  write_gate_blocked: "prerequisite_invalid",
  execution_prerequisite_invalid: "prerequisite_invalid"
}

/** "False for scope_denied, capability_denied, initiator_invalid; true for tenant_not_operable, prerequisite_invalid." */
const retryableClasses = ["tenant_not_operable", "prerequisite_invalid"]

/** What the contract says about this run now. */
export const decideByTheContract = (run: Snapshot): ContractDecision => {
  const broken = rules.find((rule) => rule.fails(run))
  const checks: Record<string, string> = {}
  let failedAlready = false
  for (const [check, hasNothingToAsk] of notApplicable) {
    if (failedAlready) checks[check] = "not_applicable"
    else if (broken?.check === check) checks[check] = "failed"
    else checks[check] = hasNothingToAsk(run) ? "not_applicable" : "passed"
    failedAlready = failedAlready || broken?.check === check
  }
  if (broken === undefined) {
    return { allowed: true, reason_code: null, detail: null, about: null, denial_class: null, retryable: false, checks }
  }
  const denialClass = classes[broken.code] ?? "unclassified"
  return {
    allowed: false,
    reason_code: broken.code,
    detail: broken.detail,
    about: broken.about === undefined ? null : broken.about(run),
    denial_class: denialClass,
    retryable: retryableClasses.indexOf(denialClass) >= 0,
    checks
  }
}
