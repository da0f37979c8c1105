/**
 * The reference tables of authority facts, for hosts that keep theirs here. Facts stand alone: no foreign keys, so that what
 * is not known about one thing hides nothing about another, and removing is always possible.
 */
import type { Names } from "../SchemaName.ts"

const tables = ({ q }: Names) => [
  `CREATE TABLE ${q}.workspaces (
  id text PRIMARY KEY CHECK (id <> ''),
  open boolean NOT NULL
)`,
  `CREATE TABLE ${q}.users (
  id text PRIMARY KEY CHECK (id <> ''),
  name text NOT NULL,
  disabled boolean NOT NULL DEFAULT false
)`,
  `CREATE TABLE ${q}.memberships (
  workspace_id text NOT NULL,
  user_id text NOT NULL,
  role text NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
)`,
  `CREATE INDEX memberships_by_user ON ${q}.memberships (user_id)`,
  `CREATE TABLE ${q}.roles (
  workspace_id text NOT NULL,
  role text NOT NULL,
  PRIMARY KEY (workspace_id, role)
)`,
  `CREATE TABLE ${q}.role_capabilities (
  workspace_id text NOT NULL,
  role text NOT NULL,
  capability text NOT NULL,
  PRIMARY KEY (workspace_id, role, capability)
)`,
  `CREATE TABLE ${q}.tenants (
  id text PRIMARY KEY CHECK (id <> ''),
  workspace_id text NOT NULL CHECK (workspace_id <> ''),
  state text NOT NULL
)`,
  `CREATE TABLE ${q}.tenant_entitlements (
  user_id text NOT NULL,
  tenant_id text NOT NULL,
  PRIMARY KEY (user_id, tenant_id)
)`,
  `CREATE TABLE ${q}.provider_connections (
  id text PRIMARY KEY CHECK (id <> ''),
  workspace_id text NOT NULL CHECK (workspace_id <> ''),
  tenant_id text,
  enabled boolean NOT NULL,
  connected boolean NOT NULL
)`,
  `CREATE TABLE ${q}.write_gates (
  tenant_id text PRIMARY KEY,
  health text NOT NULL,
  checked_at timestamptz
)`,
  `CREATE TABLE ${q}.prerequisites (
  workspace_id text NOT NULL,
  tenant_id text,
  name text NOT NULL,
  satisfied boolean NOT NULL
)`,
  `CREATE UNIQUE INDEX prerequisites_key ON ${q}.prerequisites (workspace_id, name, coalesce(tenant_id, ''))`
]

/** Whose runs a change of each table can concern. */
const guards = ({ q }: Names) => {
  const byColumn = (table: string, column = "workspace_id") => `SELECT ${q}.guard_facts('${q}.${table}', '${column}')`
  const byQuery = (table: string, workspaces: string, links: string) =>
    `SELECT ${q}.guard_facts_by('${q}.${table}', $q$${workspaces}$q$, $q$${links}$q$)`
  const ofTenant = `SELECT t.workspace_id FROM changed c JOIN ${q}.tenants t ON t.id = c.tenant_id`
  return [
    byColumn("workspaces", "id"),
    byColumn("roles"),
    byColumn("role_capabilities"),
    byColumn("provider_connections"),
    byColumn("prerequisites"),
    byQuery(
      "users",
      `SELECT m.workspace_id FROM changed c JOIN ${q}.memberships m ON m.user_id = c.id`,
      "SELECT 'user:' || id FROM changed"
    ),
    byQuery("memberships", "SELECT workspace_id FROM changed", "SELECT 'user:' || user_id FROM changed"),
    byQuery("tenants", "SELECT workspace_id FROM changed", "SELECT 'tenant:' || id FROM changed"),
    byQuery("tenant_entitlements", ofTenant, "SELECT 'tenant:' || tenant_id FROM changed"),
    byQuery("write_gates", ofTenant, "SELECT 'tenant:' || tenant_id FROM changed")
  ]
}

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [...tables(names), ...guards(names)]
