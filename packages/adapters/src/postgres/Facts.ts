/** `Facts` from tables or views in the database of the runs. */
import {
  type AuthorityFacts,
  type Capability,
  type FactSources,
  Facts,
  type FactsReading,
  type FactsRequest,
  FactsUnavailable,
  initiatorOf,
  type PrerequisiteName,
  type ProviderConnectionId,
  type StoreUnavailable,
  type TenantId,
  type UserId,
  type WorkspaceId
} from "@countersign/domain"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { type FactsRow, factsParameters, factsStatement } from "./factsStatement.ts"
import { type Keys, makeKeys } from "./Keys.ts"
import { tenantOf, workspaceOf } from "./readCells.ts"
import { namesOf, type SchemaName } from "./SchemaName.ts"
import { during } from "./troubles.ts"

interface MemberKey {
  readonly workspaceId: WorkspaceId
  readonly userId: UserId
  readonly capability: Capability | null
}

interface EntitlementKey {
  readonly userId: UserId
  readonly tenantId: TenantId
}

interface PrerequisiteKey {
  readonly name: PrerequisiteName
  readonly workspaceId: WorkspaceId
  readonly tenantId: TenantId | null
}

const byId = <Id extends string>() => makeKeys<Id>((id) => id)

/** No name holds a control character, so this one parts them. */
const joined = (...parts: ReadonlyArray<string | null>): string => parts.join("\u0000")

/** What a batch asks about, each thing once. */
const makeQuestions = () => ({
  workspaces: byId<WorkspaceId>(),
  tenants: byId<TenantId>(),
  users: byId<UserId>(),
  members: makeKeys<MemberKey>(({ workspaceId, userId, capability }) => joined(workspaceId, userId, capability)),
  entitlements: makeKeys<EntitlementKey>(({ userId, tenantId }) => joined(userId, tenantId)),
  connections: byId<ProviderConnectionId>(),
  gates: byId<TenantId>(),
  prerequisites: makeKeys<PrerequisiteKey>(({ name, workspaceId, tenantId }) => joined(name, workspaceId, tenantId))
})
type Questions = ReturnType<typeof makeQuestions>

const parametersOf = (questions: Questions) =>
  factsParameters({
    workspaces: questions.workspaces.all,
    tenants: questions.tenants.all,
    users: questions.users.all,
    members: questions.members.all.map(({ workspaceId, userId, capability }) => ({
      workspace: workspaceId,
      user: userId,
      capability: capability ?? ""
    })),
    entitlements: questions.entitlements.all.map(({ userId, tenantId }) => ({ user: userId, tenant: tenantId })),
    connections: questions.connections.all,
    gates: questions.gates.all,
    prerequisites: questions.prerequisites.all.map(({ name, workspaceId, tenantId }) => ({
      name,
      workspace: workspaceId,
      tenant: tenantId ?? ""
    }))
  })

type Places = ReadonlyArray<number | null> | null

/** Where the fact of a key is among the answers, and where it is told again. */
interface Told {
  readonly index: number
  readonly again: ReadonlyArray<number>
}

const ONCE: ReadonlyArray<number> = []

/** By the place of the key; nothing where a key has no answer. */
const toldAt = (places: Places): ReadonlyArray<Told | undefined> => {
  const told: Array<Told | undefined> = []
  places?.forEach((place, index) => {
    if (place === null) return
    const known = told[place - 1]
    told[place - 1] = known === undefined ? { index, again: ONCE } : { ...known, again: [...known.again, index] }
  })
  return told
}

/** The facts by the place of their keys: runs of a batch share them. */
const factsAt = <Key, Fact>(keys: Keys<Key>, places: Places, factOf: (key: Key, told: Told) => Fact | null) => {
  const told = toldAt(places)
  const facts = keys.all.map((key, place) => {
    const found = told[place]
    return found === undefined ? null : factOf(key, found)
  })
  return (place: number | null): Fact | null => (place === null ? null : (facts[place] ?? null))
}

/** Of what a view tells twice nothing is known. */
const once =
  <Key, Fact>(factOf: (key: Key, index: number) => Fact | null) =>
  (key: Key, { index, again }: Told): Fact | null =>
    again.length > 0 ? null : factOf(key, index)

const answersOf = (row: FactsRow, questions: Questions) => ({
  workspace: factsAt(
    questions.workspaces,
    row.workspace_at,
    once((id, index) => {
      const open = row.workspace_open?.[index] ?? null
      return open === null ? null : { id, open }
    })
  ),
  tenant: factsAt(
    questions.tenants,
    row.tenant_at,
    once((id, index) => {
      const workspaceId = workspaceOf(row.tenant_workspace?.[index] ?? "")
      const state = row.tenant_state?.[index] ?? null
      return workspaceId === null || state === null ? null : { id, workspaceId, state }
    })
  ),
  initiator: factsAt(
    questions.users,
    row.user_at,
    once((id, index) => {
      const disabled = row.user_disabled?.[index] ?? null
      return disabled === null ? null : { id, disabled }
    })
  ),
  // Several roles of one member add up.
  membership: factsAt(questions.members, row.member_at, ({ workspaceId, userId, capability }, told) => {
    const holdsAt = (index: number) => row.member_holds?.[index] === true
    const holds = holdsAt(told.index) || told.again.some(holdsAt)
    return { workspaceId, userId, capabilities: holds && capability !== null ? [capability] : [] }
  }),
  entitlement: factsAt(questions.entitlements, row.entitled_at, (key) => key),
  connection: factsAt(
    questions.connections,
    row.connection_at,
    once((id, index) => {
      const workspaceId = workspaceOf(row.connection_workspace?.[index] ?? "")
      const tenant = row.connection_tenant?.[index] ?? null
      const tenantId = tenant === null ? null : tenantOf(tenant)
      const enabled = row.connection_enabled?.[index] ?? null
      const connected = row.connection_connected?.[index] ?? null
      // A tenant that is no name is not the same as none.
      if (workspaceId === null || (tenant !== null && tenantId === null)) return null
      return enabled === null || connected === null ? null : { id, workspaceId, tenantId, enabled, connected }
    })
  ),
  writeGate: factsAt(
    questions.gates,
    row.gate_at,
    once((tenantId, index) => {
      const health = row.gate_health?.[index] ?? null
      const checkedAtMillis = row.gate_checked_at?.[index]?.getTime() ?? null
      return health === null || Number.isNaN(checkedAtMillis) ? null : { tenantId, health, checkedAtMillis }
    })
  ),
  // Of prerequisites that contradict each other the worse one counts.
  prerequisite: factsAt(questions.prerequisites, row.prerequisite_at, (key, { index, again }) => {
    const satisfied = [index, ...again].every((at) => row.prerequisite_satisfied?.[at] === true)
    return { ...key, satisfied }
  })
})
type Answers = ReturnType<typeof answersOf>

const placeOf = <Key>(keys: Keys<Key>, key: Key | null): number | null => (key === null ? null : keys.placeOf(key))

/** Notes down what a run asks about, and says how its facts are found among the answers. */
const asking =
  (questions: Questions) =>
  ({ subject: { authority, scope }, requirements }: FactsRequest): ((answers: Answers) => AuthorityFacts) => {
    const { workspaceId, tenantId, providerConnectionId } = scope
    const userId = initiatorOf(authority)
    const capability = requirements?.capability ?? null
    const workspace = questions.workspaces.placeOf(workspaceId)
    const tenant = placeOf(questions.tenants, tenantId)
    const initiator = placeOf(questions.users, userId)
    const membership = placeOf(questions.members, userId && { workspaceId, userId, capability })
    const entitlement = placeOf(questions.entitlements, userId && tenantId && { userId, tenantId })
    const connection = placeOf(questions.connections, requirements?.providerConnection ? providerConnectionId : null)
    const writeGate = placeOf(questions.gates, requirements?.writes ? tenantId : null)
    const prerequisites = (requirements?.prerequisites ?? []).map((name) =>
      questions.prerequisites.placeOf({ name, workspaceId, tenantId })
    )
    return (answers) => ({
      workspace: answers.workspace(workspace),
      tenant: answers.tenant(tenant),
      initiator: answers.initiator(initiator),
      membership: answers.membership(membership),
      entitlement: answers.entitlement(entitlement),
      connection: answers.connection(connection),
      writeGate: answers.writeGate(writeGate),
      prerequisites: prerequisites.flatMap((place) => answers.prerequisite(place) ?? [])
    })
  }

const sourcesIn = (schema: SchemaName): FactSources =>
  Object.freeze({
    workspace: `${schema}.workspaces`,
    tenant: `${schema}.tenants`,
    initiator: `${schema}.users`,
    membership: `${schema}.memberships`,
    entitlement: `${schema}.tenant_entitlements`,
    connection: `${schema}.provider_connections`,
    writeGate: `${schema}.write_gates`,
    prerequisites: `${schema}.prerequisites`
  })

const factsUnavailable = (source: string) => (cause: StoreUnavailable) =>
  new FactsUnavailable({ source, advice: cause.advice, cause })

/**
 * Facts from the schema's tables `workspaces`, `users`, `memberships`, `role_capabilities`, `tenants`, `tenant_entitlements`,
 * `provider_connections`, `write_gates` and `prerequisites`, or from views of these names and columns over tables of the host.
 *
 * **Details**
 *
 * A view gives every id as `text`. It should let the planner look rows up by id: over a column of another type that takes an
 * index on the expression, such as `CREATE INDEX ON accounts ((id::text))`. A view may give several roles for one member; of
 * anything else that it tells twice, nothing is known.
 *
 * **Gotchas**
 *
 * The tables below the views must be fenced, each with `countersign.guard_facts` or `guard_facts_by`: without it a revocation
 * can be overtaken by an admission that is under way.
 */
export const layerFacts = (schema: SchemaName): Layer.Layer<Facts, never, SqlClient.SqlClient> =>
  Layer.effect(
    Facts,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const text = factsStatement(namesOf(schema).q)
      const sources = sourcesIn(schema)
      const read = Effect.fnUntraced(function* (requests: ReadonlyArray<FactsRequest>) {
        const questions = makeQuestions()
        const findings = requests.map(asking(questions))
        const [row] = yield* sql.unsafe<FactsRow>(text, parametersOf(questions))
        if (row === undefined) return []
        const answers = answersOf(row, questions)
        return findings.map((find): FactsReading => ({ facts: find(answers), fenced: true, sources }))
      })
      return Facts.of({
        read: (requests) =>
          requests.length === 0
            ? Effect.succeed([])
            : read(requests).pipe(during("read facts"), Effect.mapError(factsUnavailable(`the schema ${schema}`)))
      })
    })
  )
