/** The host's own tables, in its own words. Nothing here knows of the gate. */

/**
 * Who works for whom: from these the gate is told who may do what (`authority.ts`). The connectors' tokens are here to keep the
 * example small; they belong into a vault for secrets.
 */
const people = [
  "CREATE TABLE msp.partners (id text PRIMARY KEY, name text NOT NULL, closed_on date)",
  "CREATE TABLE msp.staff (email text PRIMARY KEY, name text NOT NULL, left_on date)",
  `CREATE TABLE msp.teams (
    partner_id text REFERENCES msp.partners,
    email text REFERENCES msp.staff,
    job text NOT NULL,
    PRIMARY KEY (partner_id, email)
  )`,
  "CREATE INDEX teams_by_email ON msp.teams (email)",
  "CREATE TABLE msp.job_rights (job text, may text, PRIMARY KEY (job, may))",
  `CREATE TABLE msp.customers (
    id text PRIMARY KEY,
    partner_id text NOT NULL REFERENCES msp.partners,
    name text NOT NULL,
    stage text NOT NULL CHECK (stage IN ('prospect', 'onboarding', 'live', 'archived')),
    changes_frozen boolean NOT NULL DEFAULT false
  )`,
  `CREATE TABLE msp.assignments (
    email text REFERENCES msp.staff,
    customer_id text REFERENCES msp.customers,
    PRIMARY KEY (email, customer_id)
  )`,
  `CREATE TABLE msp.connectors (
    id text PRIMARY KEY,
    customer_id text NOT NULL REFERENCES msp.customers,
    base_url text NOT NULL,
    token text NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    consented boolean NOT NULL DEFAULT true
  )`,
  `CREATE TABLE msp.hardening_checks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text NOT NULL REFERENCES msp.customers,
    result text NOT NULL,
    checked_at timestamptz NOT NULL
  )`,
  "CREATE INDEX hardening_checks_newest ON msp.hardening_checks (customer_id, checked_at DESC, id DESC)"
]

/** What the operations bring home. `run_id` is the run that wrote the row last. */
const work = [
  `CREATE TABLE msp.connector_checks (
    connector_id text PRIMARY KEY REFERENCES msp.connectors,
    answer text NOT NULL,
    checked_at timestamptz NOT NULL
  )`,
  `CREATE TABLE msp.devices (
    customer_id text REFERENCES msp.customers,
    device_id text,
    name text NOT NULL,
    run_id uuid NOT NULL,
    PRIMARY KEY (customer_id, device_id)
  )`,
  `CREATE TABLE msp.directory_groups (
    customer_id text REFERENCES msp.customers,
    group_id text,
    name text NOT NULL,
    members integer NOT NULL,
    PRIMARY KEY (customer_id, group_id)
  )`,
  `CREATE TABLE msp.backups (
    id text PRIMARY KEY,
    customer_id text NOT NULL REFERENCES msp.customers,
    sha256 text NOT NULL,
    policies integer NOT NULL,
    taken_at timestamptz NOT NULL
  )`
]

/** The statements that make the tables, in order. */
export const tables: ReadonlyArray<string> = ["CREATE SCHEMA msp", ...people, ...work]
