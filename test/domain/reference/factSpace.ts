/**
 * The abstract fact space: everything a decision can be told, as a finite product, and a way to visit **all** of it.
 *
 * A fact is abstracted to what the contract distinguishes: whether it is known, whom it is about (the run's own target or
 * another), and its value. The whole product has more than 10^13 cases. It is visited completely all the same: a case is built
 * while it is read. Each dimension is chosen when something first asks for it, and every choice is tried. What a reader did not ask for
 * cannot have influenced its answer, so one visit stands for all cases that differ only in dimensions that were not read.
 * {@link explore} adds up the cases each visit stands for: the sum must be the size of the product, or something was left out.
 */
import type {
  Authority,
  AuthorityFacts,
  ConnectionFact,
  EntitlementFact,
  InitiatorFact,
  MembershipFact,
  PrerequisiteFact,
  Requirements,
  Snapshot,
  TenantFact,
  TenantState,
  WorkspaceFact,
  WriteGateFact
} from "@countersign/domain"
import { actorBound, systemAuthority } from "@countersign/domain"
import {
  capability,
  connectionId,
  DAY_MILLIS,
  NOW_MILLIS,
  operationType,
  otherCapability,
  otherConnectionId,
  otherPrerequisite,
  otherTenantId,
  otherUserId,
  otherWorkspaceId,
  prerequisite,
  tenantId,
  userId,
  workspaceId
} from "../support/fixtures.ts"

/** One thing that can differ between two cases, and all the ways it can be. */
export interface Dimension<A> {
  readonly position: number
  readonly name: string
  readonly values: ReadonlyArray<A>
}

/** How a case is chosen: one value for each dimension that is asked for, the same whenever it is asked for again. */
export type Pick = <A>(dimension: Dimension<A>) => A

const dimensions: Array<Dimension<unknown>> = []
const dimension = <A>(name: string, values: ReadonlyArray<A>): Dimension<A> => {
  const made = { position: dimensions.length, name, values }
  dimensions.push(made)
  return made
}

/** Every combination of one value from each list. */
const product = <A, B, C>(as: ReadonlyArray<A>, bs: ReadonlyArray<B>, make: (a: A, b: B) => C): ReadonlyArray<C> =>
  as.flatMap((a) => bs.map((b) => make(a, b)))

const flags = [true, false]
const workspaces = [workspaceId, otherWorkspaceId]
const tenants = [tenantId, otherTenantId]
const tenantsOrNone = [tenantId, otherTenantId, null]
const users = [userId, otherUserId]
const states: readonly [TenantState, TenantState, TenantState, TenantState] = [
  "draft",
  "onboarding",
  "active",
  "archived"
]

// ---- the run

const authority = dimension<Authority>("authority", [actorBound(userId), systemAuthority])
const tenantNamed = dimension("tenant named", [tenantId, null])
const connectionNamed = dimension("connection named", [connectionId, null])

// ---- the operation

const declared = dimension("operation declared", flags)
const capabilityRequired = dimension("capability required", [capability, null])
const systemDeclared = dimension("system authority declared", flags)
const statesOperable = dimension<Requirements["tenantStates"]>("operable states", [
  ["active"],
  ["draft", "onboarding"],
  ["archived"],
  states
])
const connectionRequired = dimension("connection required", flags)
const writing = dimension("writes", flags)
const gateLimit = dimension("write gate limit", [DAY_MILLIS, 0])
const prerequisitesRequired = dimension("prerequisites required", [
  [prerequisite],
  [otherPrerequisite, prerequisite],
  []
])

// ---- the facts

const workspaceFact = dimension<WorkspaceFact | null>("workspace", [
  ...product(workspaces, flags, (id, open) => ({ id, open })),
  null
])
const tenantFact = dimension<TenantFact | null>("tenant", [
  ...product(tenants, workspaces, (id, ofWorkspace) => ({ id, workspaceId: ofWorkspace })).flatMap((fact) =>
    ["active", "draft", "onboarding", "archived", "suspended"].map((state) => ({ ...fact, state }))
  ),
  null
])
const initiatorFact = dimension<InitiatorFact | null>("initiator", [
  ...product(users, flags, (id, enabled) => ({ id, disabled: !enabled })),
  null
])
const membershipFact = dimension<MembershipFact | null>("membership", [
  ...product(workspaces, users, (ofWorkspace, user) => ({ workspaceId: ofWorkspace, userId: user })).flatMap((fact) =>
    [[otherCapability, capability], [otherCapability], []].map((capabilities) => ({ ...fact, capabilities }))
  ),
  null
])
const entitlementFact = dimension<EntitlementFact | null>("entitlement", [
  ...product(users, tenants, (user, tenant) => ({ userId: user, tenantId: tenant })),
  null
])
const connectionFact = dimension<ConnectionFact | null>("connection", [
  ...product(workspaces, tenantsOrNone, (ofWorkspace, ofTenant) => ({
    workspaceId: ofWorkspace,
    tenantId: ofTenant
  })).flatMap((fact) =>
    product(flags, flags, (enabled, connected) => ({ id: connectionId, ...fact, enabled, connected }))
  ),
  { id: otherConnectionId, workspaceId, tenantId, enabled: true, connected: true },
  null
])
const writeGateFact = dimension<WriteGateFact | null>("write gate", [
  ...product(tenants, ["ok", "degraded", "failed", "not_configured", "green"], (ofTenant, health) => ({
    tenantId: ofTenant,
    health
  })).flatMap((fact) =>
    [
      NOW_MILLIS,
      NOW_MILLIS - DAY_MILLIS, // exactly at the limit
      NOW_MILLIS - DAY_MILLIS - 1, // a moment too old
      NOW_MILLIS + DAY_MILLIS, // a clock ahead of ours
      null
    ].map((checkedAtMillis) => ({ ...fact, checkedAtMillis }))
  ),
  null
])
const satisfactions = product(workspaces, tenantsOrNone, (ofWorkspace, ofTenant) => ({
  name: prerequisite,
  workspaceId: ofWorkspace,
  tenantId: ofTenant
})).flatMap((fact) => flags.map((satisfied) => ({ ...fact, satisfied })))
const prerequisiteFacts = dimension<ReadonlyArray<PrerequisiteFact>>("prerequisite", [
  ...satisfactions.map((fact) => [fact]),
  satisfactions, // they contradict each other
  satisfactions.toReversed(),
  []
])
const otherPrerequisiteFacts = dimension<ReadonlyArray<PrerequisiteFact>>("other prerequisite", [
  ...flags.map((satisfied) => [{ name: otherPrerequisite, workspaceId, tenantId, satisfied }]),
  [{ name: otherPrerequisite, workspaceId, tenantId: null, satisfied: true }],
  []
])

/** How many cases there are. */
export const factSpaceSize = dimensions.reduce((size, { values }) => size * values.length, 1)

/** The case that these choices make, built while it is read. */
const caseOf = (pick: Pick): Snapshot => {
  const requirements: Requirements = {
    get capability() {
      return pick(capabilityRequired)
    },
    get systemAuthority() {
      return pick(systemDeclared)
    },
    get tenantStates() {
      return pick(statesOperable)
    },
    get providerConnection() {
      return pick(connectionRequired)
    },
    get writes() {
      return pick(writing)
    },
    get writeGateMaxAgeMillis() {
      return pick(gateLimit)
    },
    get prerequisites() {
      return pick(prerequisitesRequired)
    }
  }
  const facts: AuthorityFacts = {
    get workspace() {
      return pick(workspaceFact)
    },
    get tenant() {
      return pick(tenantFact)
    },
    get initiator() {
      return pick(initiatorFact)
    },
    get membership() {
      return pick(membershipFact)
    },
    get entitlement() {
      return pick(entitlementFact)
    },
    get connection() {
      return pick(connectionFact)
    },
    get writeGate() {
      return pick(writeGateFact)
    },
    get prerequisites() {
      return [...pick(prerequisiteFacts), ...pick(otherPrerequisiteFacts)]
    }
  }
  return {
    takenAtMillis: NOW_MILLIS,
    subject: {
      operationType,
      get authority() {
        return pick(authority)
      },
      scope: {
        workspaceId,
        get tenantId() {
          return pick(tenantNamed)
        },
        get providerConnectionId() {
          return pick(connectionNamed)
        }
      }
    },
    get requirements() {
      return pick(declared) ? requirements : null
    },
    facts
  }
}

/** The case that these choices make, as plain data. */
const plainCaseOf = (pick: Pick): Snapshot => {
  const { subject, requirements, facts, takenAtMillis } = caseOf(pick)
  return {
    takenAtMillis,
    subject: { ...subject, scope: { ...subject.scope } },
    requirements: requirements === null ? null : { ...requirements },
    facts: { ...facts }
  }
}

const valueAt = <A>({ name, values }: Dimension<A>, index: number): A => {
  const value = values[index]
  if (value === undefined) throw new RangeError(`${name} has no value ${index}`)
  return value
}

/** How many values each dimension has; the first is always the one with which a run would be allowed. */
export const dimensionSizes: ReadonlyArray<number> = dimensions.map(({ values }) => values.length)

/** The case with these values, by their positions in the dimensions. */
export const caseAt = (positions: Positions): Snapshot =>
  plainCaseOf((asked) => valueAt(asked, positions[asked.position] ?? 0))

export interface Exploration {
  readonly visits: number
  readonly cases: number
}

/** The position of a case's value in each dimension; see {@link caseAt}. */
export type Positions = ReadonlyArray<number>

/** Gives one of the cases a visit stands for; another one for another seed. */
export type Sample = (seed: number) => Positions

/**
 * Visits every case of the fact space that differs from the one in which all is in order by at most so many dimensions;
 * cases that the visitor cannot tell apart are visited once and counted as many.
 */
export const explore = (visit: (snapshot: Snapshot, sample: Sample) => void, maxChanges: number): Exploration => {
  const path: Array<{ readonly dimension: Dimension<unknown>; readonly index: number }> = []
  let visits = 0
  let cases = 0
  let read = 0
  const chosen: Array<number | undefined> = []
  const pick: Pick = (asked) => {
    const known = chosen[asked.position]
    if (known !== undefined) return valueAt(asked, known)
    const next = path[read] ?? { dimension: asked, index: 0 }
    if (next.dimension !== asked) throw new Error(`${asked.name} was read where ${next.dimension.name} was before`)
    path[read] = next
    read += 1
    chosen[asked.position] = next.index
    return valueAt(asked, next.index)
  }
  const lazyCase = caseOf(pick)
  const sample: Sample = (seed) =>
    dimensions.map((asked) => chosen[asked.position] ?? scatter(seed, asked) % asked.values.length)
  for (;;) {
    read = 0
    chosen.fill(undefined)
    visit(lazyCase, sample)
    visits += 1
    cases += path.reduce((left, { dimension: { values } }) => left / values.length, factSpaceSize)
    for (;;) {
      const last = path.pop()
      if (last === undefined) return { visits, cases }
      const changes = path.filter(({ index }) => index > 0).length
      if (last.index + 1 < last.dimension.values.length && changes < maxChanges) {
        path.push({ dimension: last.dimension, index: last.index + 1 })
        break
      }
    }
  }
}

/** A number that depends on both and on nothing else, so that a failure is seen again. */
const scatter = (seed: number, asked: Dimension<unknown>): number =>
  Math.imul(seed + 1, 2_654_435_761 + asked.position * 40_503) >>> 8
