/**
 * What is measured: the same little world in every store. Every run is a person's, and asks for everything an operation can ask
 * for but a host's own prerequisite: membership, entitlement, capability, tenant, provider connection, write gate.
 *
 * The run of a number always has the same workspace, tenant and person. `runsInSql` says the same in SQL.
 */
import {
  type Authority,
  actorBound,
  Catalogue,
  type Dispatch,
  dispatchStep,
  type FirstStep,
  Operation,
  ProviderConnectionId,
  RunId,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { Schema } from "effect"
import { SEED } from "../harness/random.ts"

export const TENANTS_PER_WORKSPACE = 25
export const USERS_PER_WORKSPACE = 50
/** How many people may touch one tenant. */
export const ENTITLED_PER_TENANT = 5
/** In each workspace these tenants are archived: 2 in 25, so 8 % of the runs are denied. */
export const ARCHIVED: ReadonlyArray<number> = [9, 19]
export const ROLES = ["owner", "manager", "operator"] as const
/** Each role carries the operation's capability and this many others. */
export const OTHER_CAPABILITIES = 19

export const operation = Operation.make({
  type: "bench.sync",
  capability: "bench.sync",
  providerConnection: true,
  writes: true,
  payload: Schema.Struct({ n: Schema.Int }),
  result: Schema.Void
})
export const catalogue = Catalogue.make([operation])

export const names = {
  workspace: (number: number) => `workspace-${number}`,
  tenant: (number: number) => `tenant-${number}`,
  user: (number: number) => `user-${number}`,
  connection: (number: number) => `connection-${number}`
}

/** Whom the run of this number is about. People and tenants are counted through all workspaces. */
export const actorsOf = (number: number, workspaces: number) => {
  const workspace = (number * 31) % workspaces
  const tenant = workspace * TENANTS_PER_WORKSPACE + (Math.floor(number / workspaces) % TENANTS_PER_WORKSPACE)
  const among = Math.floor(number / (workspaces * TENANTS_PER_WORKSPACE)) % ENTITLED_PER_TENANT
  return { workspace, tenant, user: entitledTo(tenant)[among] ?? 0 }
}

/** The people who may touch this tenant. */
export const entitledTo = (tenant: number): ReadonlyArray<number> => {
  const workspace = Math.floor(tenant / TENANTS_PER_WORKSPACE)
  return Array.from(
    { length: ENTITLED_PER_TENANT },
    (_, at) => workspace * USERS_PER_WORKSPACE + ((tenant * 2 + at) % USERS_PER_WORKSPACE)
  )
}

export const isArchived = (tenant: number): boolean => ARCHIVED.includes(tenant % TENANTS_PER_WORKSPACE)

/** A UUIDv7 for each number; greater numbers sort later. */
export const runIdOf = (number: number, atMillis: number): RunId => {
  const time = (atMillis + Math.floor(number / 1000)).toString(16).padStart(12, "0")
  const tail = ((number * 2654435761 + SEED) >>> 0).toString(16).padStart(12, "0")
  return RunId.make(
    `${time.slice(0, 8)}-${time.slice(8)}-7${(number % 1000).toString(16).padStart(3, "0")}-8000-${tail}`
  )
}

/** What a host would ask for, of this number. */
export const requestOf = (number: number, workspaces: number) => {
  const { workspace, tenant, user } = actorsOf(number, workspaces)
  return {
    operation,
    payload: { n: number },
    initiator: names.user(user),
    initiatorName: "Ada",
    workspaceId: names.workspace(workspace),
    tenantId: names.tenant(tenant),
    providerConnectionId: names.connection(tenant)
  }
}

/** The run of this number, queued. */
export const firstStepOf = (number: number, workspaces: number, atMillis: number): FirstStep => {
  const { workspace, tenant, user } = actorsOf(number, workspaces)
  const authority: Authority = actorBound(UserId.make(names.user(user)))
  const dispatched: Dispatch = {
    id: runIdOf(number, atMillis),
    subject: {
      operationType: operation.type,
      authority,
      scope: {
        workspaceId: WorkspaceId.make(names.workspace(workspace)),
        tenantId: TenantId.make(names.tenant(tenant)),
        providerConnectionId: ProviderConnectionId.make(names.connection(tenant))
      }
    },
    actorKind: "human",
    initiatorName: "Ada",
    payload: { n: number },
    identity: `queued/${number}`,
    maxAttempts: operation.attempts.maxAttempts,
    priority: "normal",
    dispatchedAtMillis: atMillis,
    expiresAtMillis: atMillis + operation.queuedLimitMillis,
    retryOf: null,
    slot: null
  }
  return dispatchStep(dispatched)
}

/** The same as SQL: a query for the numbers `from` to `to`, with columns `number`, `id`, `workspace`, `tenant`, `person`, `at`. */
export const runsInSql = (from: number, to: number, workspaces: number, atMillis: number): string => `
SELECT number, workspace, tenant, to_timestamp(${atMillis / 1000}) AS at,
  workspace * ${USERS_PER_WORKSPACE} + (tenant * 2 + among) % ${USERS_PER_WORKSPACE} AS person,
  (substr(time, 1, 8) || '-' || substr(time, 9) || '-7' || lpad(to_hex(number % 1000), 3, '0') || '-8000-'
    || lpad(to_hex((number::bigint * 2654435761 + ${SEED}) % 4294967296), 12, '0'))::uuid AS id
FROM (SELECT number, workspace, workspace * ${TENANTS_PER_WORKSPACE} + (number / ${workspaces}) % ${TENANTS_PER_WORKSPACE} AS tenant,
    (number / ${workspaces * TENANTS_PER_WORKSPACE}) % ${ENTITLED_PER_TENANT} AS among,
    lpad(to_hex(${atMillis}::bigint + number / 1000), 12, '0') AS time
  FROM (SELECT number, (number::bigint * 31 % ${workspaces})::integer AS workspace
    FROM generate_series(${from}, ${to - 1}) AS number) AS numbered) AS placed`
