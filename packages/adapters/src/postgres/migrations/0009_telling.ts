/**
 * Telling of runs beside the inbox: which of several channels have taken a notice; who subscribed to what happens in a workspace,
 * and what is still to be delivered to them. And an audit record that is read in the order of its writing, and can be checked.
 */
import type { Names } from "../SchemaName.ts"

const notices = ({ q }: Names) => [
  `ALTER TABLE ${q}.notices ADD COLUMN taken_by jsonb NOT NULL DEFAULT '[]'`,
  `COMMENT ON COLUMN ${q}.notices.taken_by IS 'Of several channels, those that have taken the notice already'`
]

const events = ({ q }: Names) => [
  `CREATE TABLE ${q}.event_subscriptions (
  id uuid PRIMARY KEY,
  workspace_id text CHECK (workspace_id <> ''),
  url text NOT NULL CHECK (url ~ '^https?://'),
  secret_name text NOT NULL CHECK (secret_name <> ''),
  event_types jsonb NOT NULL CHECK (
    CASE jsonb_typeof(event_types) WHEN 'array' THEN jsonb_array_length(event_types) > 0 ELSE false END),
  created_at timestamptz NOT NULL,
  -- After a failed delivery nothing is sent there until then.
  paused_until timestamptz,
  failures integer NOT NULL DEFAULT 0,
  last_problem text,
  -- A receiver that said it is gone.
  ended_at timestamptz
)`,
  `COMMENT ON COLUMN ${q}.event_subscriptions.secret_name IS 'The name of a signing secret; the secret itself is never stored here'`,
  `COMMENT ON COLUMN ${q}.event_subscriptions.workspace_id IS 'Null: of every workspace'`,
  `CREATE TABLE ${q}.event_deliveries (
  subscription_id uuid NOT NULL,
  event_id text NOT NULL,
  event_type text NOT NULL,
  run_id uuid NOT NULL,
  workspace_id text NOT NULL,
  occurred_at timestamptz NOT NULL,
  content jsonb NOT NULL,
  due_at timestamptz NOT NULL,
  deliveries integer NOT NULL DEFAULT 0,
  PRIMARY KEY (subscription_id, event_id)
)`,
  `COMMENT ON TABLE ${q}.event_deliveries IS 'What is still to be delivered to subscribers; deleted once it is'`,
  `CREATE INDEX event_deliveries_due ON ${q}.event_deliveries (subscription_id, due_at, event_id)`
]

const recorded = ({ q }: Names) => [
  // To the letter, so that anybody can compare a content with the hash it is stored under.
  `ALTER TABLE ${q}.snapshots ALTER COLUMN content TYPE json USING content::text::json`,
  // In the order of writing, for a few bytes in place of an index entry for each record.
  `CREATE INDEX audit_records_in_order ON ${q}.audit_records USING brin (id, occurred_at)
  WITH (pages_per_range = 32, autosummarize = on)`,
  // The triggers refuse it to everybody. Without the right, whoever switches them off must also give it back to himself.
  ...["decisions", "snapshots", "audit_records"].map(
    (table) => `REVOKE UPDATE, DELETE, TRUNCATE ON ${q}.${table} FROM PUBLIC, CURRENT_USER`
  )
]

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [
  ...notices(names),
  ...events(names),
  ...recorded(names)
]
