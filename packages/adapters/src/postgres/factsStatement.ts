/**
 * The facts of a batch as one statement: each thing is asked for once, by its key, and answered with the place of the key. One
 * row of arrays; what is not known is not in them.
 *
 * Each look-up stands behind `OFFSET 0`, so that it stays a look-up by index: joined, the planner reads whole tables.
 */
import type { PgTypes } from "@effect/sql-pg"
import { arrayOf } from "./Cells.ts"

/** Distinct keys; the arrays of one kind are of equal length. An empty tenant stands for none. */
export interface FactKeys {
  readonly workspaces: ReadonlyArray<string>
  readonly tenants: ReadonlyArray<string>
  readonly users: ReadonlyArray<string>
  readonly members: ReadonlyArray<{ readonly workspace: string; readonly user: string; readonly capability: string }>
  readonly entitlements: ReadonlyArray<{ readonly user: string; readonly tenant: string }>
  readonly connections: ReadonlyArray<string>
  readonly gates: ReadonlyArray<string>
  readonly prerequisites: ReadonlyArray<{ readonly workspace: string; readonly tenant: string; readonly name: string }>
}

/** Null where nothing was found. */
type Answers<A> = ReadonlyArray<A | null> | null

/** Arrays of equal length for each kind; `…_at` are the places of the keys. */
export interface FactsRow {
  readonly workspace_at: Answers<number>
  readonly workspace_open: Answers<boolean>
  readonly tenant_at: Answers<number>
  readonly tenant_workspace: Answers<string>
  readonly tenant_state: Answers<string>
  readonly user_at: Answers<number>
  readonly user_disabled: Answers<boolean>
  readonly member_at: Answers<number>
  readonly member_holds: Answers<boolean>
  readonly entitled_at: Answers<number>
  readonly connection_at: Answers<number>
  readonly connection_workspace: Answers<string>
  readonly connection_tenant: Answers<string>
  readonly connection_enabled: Answers<boolean>
  readonly connection_connected: Answers<boolean>
  readonly gate_at: Answers<number>
  readonly gate_health: Answers<string>
  readonly gate_checked_at: Answers<Date>
  readonly prerequisite_at: Answers<number>
  readonly prerequisite_satisfied: Answers<boolean>
}

const KEYS_BY_PARAMETER: ReadonlyArray<(keys: FactKeys) => ReadonlyArray<string>> = [
  ({ workspaces }) => workspaces,
  ({ tenants }) => tenants,
  ({ users }) => users,
  ({ members }) => members.map(({ workspace }) => workspace),
  ({ members }) => members.map(({ user }) => user),
  ({ members }) => members.map(({ capability }) => capability),
  ({ entitlements }) => entitlements.map(({ user }) => user),
  ({ entitlements }) => entitlements.map(({ tenant }) => tenant),
  ({ connections }) => connections,
  ({ gates }) => gates,
  ({ prerequisites }) => prerequisites.map(({ workspace }) => workspace),
  ({ prerequisites }) => prerequisites.map(({ tenant }) => tenant),
  ({ prerequisites }) => prerequisites.map(({ name }) => name)
]

/** The parameters of the statement. */
export const factsParameters = (keys: FactKeys): ReadonlyArray<PgTypes.Parameter> =>
  KEYS_BY_PARAMETER.map((of) => arrayOf("text", of(keys)))

interface Kind {
  /** The answer that is the place of the key, counted from 1. */
  readonly at: keyof FactsRow
  /** The arrays of keys, by parameter number, and what they are called. */
  readonly keys: ReadonlyArray<readonly [parameter: number, name: string]>
  readonly answers: ReadonlyArray<keyof FactsRow>
  /** Gives `answers` for the key `k`: a row for each time it is told. */
  readonly lookUp: string
}

const asked = ({ at, keys, answers, lookUp }: Kind): string => `(
  SELECT ${[`array_agg(k.place::integer) AS ${at}`, ...answers.map((name) => `array_agg(f.${name}) AS ${name}`)].join(", ")}
  FROM unnest(${keys.map(([parameter]) => `$${parameter}::text[]`).join(", ")})
    WITH ORDINALITY AS k(${keys.map(([, name]) => name).join(", ")}, place)
  CROSS JOIN LATERAL (${lookUp} OFFSET 0) AS f
)`

/**
 * `schema` holds the tables or views, quoted. Whatever type a view answers in, it is read as ours: a text `f` is not `true`, and what cannot
 * be read as ours is no fact.
 */
const kinds = (schema: string): ReadonlyArray<Kind> => [
  {
    at: "workspace_at",
    keys: [[1, "id"]],
    answers: ["workspace_open"],
    lookUp: `SELECT w.open::boolean AS workspace_open FROM ${schema}.workspaces w WHERE w.id = k.id`
  },
  {
    at: "tenant_at",
    keys: [[2, "id"]],
    answers: ["tenant_workspace", "tenant_state"],
    lookUp: `SELECT t.workspace_id::text AS tenant_workspace, t.state::text AS tenant_state
    FROM ${schema}.tenants t WHERE t.id = k.id`
  },
  {
    at: "user_at",
    keys: [[3, "id"]],
    answers: ["user_disabled"],
    lookUp: `SELECT u.disabled::boolean AS user_disabled FROM ${schema}.users u WHERE u.id = k.id`
  },
  {
    at: "member_at",
    keys: [
      [4, "workspace"],
      [5, "person"],
      [6, "capability"]
    ],
    answers: ["member_holds"],
    // A scalar sub-select, never EXISTS: that becomes a hash of the whole table.
    lookUp: `SELECT (
      SELECT true FROM ${schema}.role_capabilities c
      WHERE c.workspace_id = m.workspace_id AND c.role = m.role AND c.capability = k.capability LIMIT 1
    ) AS member_holds FROM ${schema}.memberships m WHERE m.workspace_id = k.workspace AND m.user_id = k.person`
  },
  {
    at: "entitled_at",
    keys: [
      [7, "person"],
      [8, "tenant"]
    ],
    answers: [],
    lookUp: `SELECT FROM ${schema}.tenant_entitlements e WHERE e.user_id = k.person AND e.tenant_id = k.tenant`
  },
  {
    at: "connection_at",
    keys: [[9, "id"]],
    answers: ["connection_workspace", "connection_tenant", "connection_enabled", "connection_connected"],
    lookUp: `SELECT p.workspace_id::text AS connection_workspace, p.tenant_id::text AS connection_tenant,
      p.enabled::boolean AS connection_enabled, p.connected::boolean AS connection_connected
    FROM ${schema}.provider_connections p WHERE p.id = k.id`
  },
  {
    at: "gate_at",
    keys: [[10, "tenant"]],
    answers: ["gate_health", "gate_checked_at"],
    lookUp: `SELECT g.health::text AS gate_health, g.checked_at AS gate_checked_at
    FROM ${schema}.write_gates g WHERE g.tenant_id = k.tenant`
  },
  {
    at: "prerequisite_at",
    keys: [
      [11, "workspace"],
      [12, "tenant"],
      [13, "name"]
    ],
    answers: ["prerequisite_satisfied"],
    // Written as the expression of the index.
    lookUp: `SELECT r.satisfied::boolean AS prerequisite_satisfied FROM ${schema}.prerequisites r
    WHERE r.workspace_id = k.workspace AND r.name = k.name AND coalesce(r.tenant_id, '') = k.tenant`
  }
]

/** The statement over the tables or views of this schema, which is given quoted. */
export const factsStatement = (schema: string): string =>
  `SELECT * FROM ${kinds(schema)
    .map((kind, index) => `${asked(kind)} AS kind_${index + 1}`)
    .join(",\n")}`
