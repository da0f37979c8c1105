/** The least that a worker needs: rights to work, none to change authority facts or what is recorded. */
import { DEFAULT_SCHEMA, namesOf, type SchemaName } from "./SchemaName.ts"

const READ = [
  "authority_epochs",
  "manifest",
  "memberships",
  "migrations",
  "prerequisites",
  "provider_connections",
  "role_capabilities",
  "roles",
  "tenant_entitlements",
  "tenants",
  "users",
  "workspaces",
  "write_gates"
]
const RECORD = ["audit_records", "decisions", "pause_records", "snapshots"]
const KEEP = ["event_deliveries", "inbox", "notices", "pauses", "runs", "schedules"]

/**
 * Statements that give a role what a worker and its dispatching host need, as one script. Migrations are run by another role,
 * which owns the schema; the host's role that changes facts needs rights on the tables of facts alone, and `USAGE` on the schema.
 */
export const workerGrants = (role: string, schema: SchemaName = DEFAULT_SCHEMA): string => {
  const { q } = namesOf(schema)
  const to = `TO "${role.replaceAll('"', '""')}"`
  const on = (tables: ReadonlyArray<string>) => `ON ${tables.map((table) => `${q}.${table}`).join(", ")}`
  return `${[
    `GRANT USAGE ON SCHEMA ${q} ${to}`,
    `GRANT SELECT ${on(READ)} ${to}`,
    `GRANT SELECT, INSERT ${on(RECORD)} ${to}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ${on(KEEP)} ${to}`,
    // Subscriptions are made by whoever operates; a worker notes how they fare.
    `GRANT SELECT, UPDATE (paused_until, failures, last_problem, ended_at) ${on(["event_subscriptions"])} ${to}`,
    // How far the audit record reaches; needed to read it page by page.
    `GRANT SELECT ON SEQUENCE ${q}.audit_records_id_seq ${to}`
  ].join(";\n")};\n`
}
