/**
 * The facts of a batch as one statement: each thing is asked for once, by its key, and answered in its place. One row of
 * arrays, a null where nothing is known.
 *
 * Each look-up is an aggregate of its own, so that it stays a look-up by index (joined, the planner reads whole tables), and it
 * answers only where there is exactly one row: of views that tell a thing twice nothing is known.
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

type Answers<A> = ReadonlyArray<A | null> | null

/** Arrays in the order of the keys; null where there were none. */
export interface FactsRow {
  readonly workspace_open: Answers<boolean>
  readonly tenant_workspace: Answers<string>
  readonly tenant_state: Answers<string>
  readonly user_disabled: Answers<boolean>
  readonly member: Answers<boolean>
  readonly member_holds: Answers<boolean>
  readonly entitled: Answers<boolean>
  readonly connection_workspace: Answers<string>
  readonly connection_tenant: Answers<string>
  readonly connection_enabled: Answers<boolean>
  readonly connection_connected: Answers<boolean>
  readonly gate_health: Answers<string>
  readonly gate_checked_at: Answers<Date>
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
  /** The arrays of keys, by parameter number, and what they are called. */
  readonly keys: ReadonlyArray<readonly [parameter: number, name: string]>
  readonly answers: ReadonlyArray<keyof FactsRow>
  /** Gives `answers` for the key `k`. */
  readonly lookUp: string
}

const asked = ({ keys, answers, lookUp }: Kind): string => `(
  SELECT ${answers.map((answer) => `array_agg(f.${answer} ORDER BY k.place) AS ${answer}`).join(", ")}
  FROM unnest(${keys.map(([parameter]) => `$${parameter}::text[]`).join(", ")})
    WITH ORDINALITY AS k(${keys.map(([, name]) => name).join(", ")}, place)
  LEFT JOIN LATERAL (${lookUp}) AS f ON true
)`

/** `schema` holds the tables or views, quoted. */
const kinds = (schema: string): ReadonlyArray<Kind> => [
  {
    keys: [[1, "id"]],
    answers: ["workspace_open"],
    lookUp: `SELECT bool_and(w.open) AS workspace_open FROM ${schema}.workspaces w WHERE w.id = k.id HAVING count(*) = 1`
  },
  {
    keys: [[2, "id"]],
    answers: ["tenant_workspace", "tenant_state"],
    lookUp: `SELECT min(t.workspace_id::text) AS tenant_workspace, min(t.state::text) AS tenant_state
    FROM ${schema}.tenants t WHERE t.id = k.id HAVING count(*) = 1`
  },
  {
    keys: [[3, "id"]],
    answers: ["user_disabled"],
    lookUp: `SELECT bool_or(u.disabled) AS user_disabled FROM ${schema}.users u WHERE u.id = k.id HAVING count(*) = 1`
  },
  {
    // Several roles of one member add up.
    keys: [
      [4, "workspace"],
      [5, "person"],
      [6, "capability"]
    ],
    answers: ["member", "member_holds"],
    lookUp: `SELECT count(*) > 0 AS member, bool_or((
      SELECT true FROM ${schema}.role_capabilities c
      WHERE c.workspace_id = m.workspace_id AND c.role = m.role AND c.capability = k.capability LIMIT 1
    )) AS member_holds FROM ${schema}.memberships m WHERE m.workspace_id = k.workspace AND m.user_id = k.person`
  },
  {
    keys: [
      [7, "person"],
      [8, "tenant"]
    ],
    answers: ["entitled"],
    lookUp: `SELECT count(*) > 0 AS entitled FROM ${schema}.tenant_entitlements e
    WHERE e.user_id = k.person AND e.tenant_id = k.tenant`
  },
  {
    keys: [[9, "id"]],
    answers: ["connection_workspace", "connection_tenant", "connection_enabled", "connection_connected"],
    lookUp: `SELECT min(p.workspace_id::text) AS connection_workspace, min(p.tenant_id::text) AS connection_tenant,
      bool_and(p.enabled) AS connection_enabled, bool_and(p.connected) AS connection_connected
    FROM ${schema}.provider_connections p WHERE p.id = k.id HAVING count(*) = 1`
  },
  {
    keys: [[10, "tenant"]],
    answers: ["gate_health", "gate_checked_at"],
    lookUp: `SELECT min(g.health::text) AS gate_health, min(g.checked_at) AS gate_checked_at
    FROM ${schema}.write_gates g WHERE g.tenant_id = k.tenant HAVING count(*) = 1`
  },
  {
    keys: [
      [11, "workspace"],
      [12, "tenant"],
      [13, "name"]
    ],
    answers: ["prerequisite_satisfied"],
    // Written as the expression of the index.
    lookUp: `SELECT bool_and(r.satisfied) AS prerequisite_satisfied FROM ${schema}.prerequisites r
    WHERE r.workspace_id = k.workspace AND r.name = k.name AND coalesce(r.tenant_id, '') = k.tenant HAVING count(*) > 0`
  }
]

/** The statement over the tables or views of this schema, which is given quoted. */
export const factsStatement = (schema: string): string =>
  `SELECT * FROM ${kinds(schema)
    .map((kind, index) => `${asked(kind)} AS kind_${index + 1}`)
    .join(",\n")}`
