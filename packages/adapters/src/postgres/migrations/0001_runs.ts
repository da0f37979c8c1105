/** Runs, what was decided about them, the audit record and the notices. */
import type { Names } from "../SchemaName.ts"

const runs = ({ q }: Names) => [
  `CREATE TABLE ${q}.runs (
  id uuid PRIMARY KEY,
  workspace_id text NOT NULL,
  tenant_id text,
  provider_connection_id text,
  operation_type text NOT NULL,
  authority_mode text NOT NULL,
  initiator_id text,
  initiator_name text,
  actor_kind text NOT NULL,
  payload jsonb NOT NULL,
  identity text NOT NULL,
  max_attempts integer NOT NULL,
  status text NOT NULL,
  outcome text NOT NULL,
  attempt integer NOT NULL,
  admission integer NOT NULL,
  dispatched_at timestamptz NOT NULL,
  available_at timestamptz NOT NULL,
  started_at timestamptz,
  completed_at timestamptz,
  lease_holder text,
  lease_until timestamptz,
  decision_id uuid,
  counts jsonb NOT NULL,
  result jsonb,
  context jsonb,
  failure_summary jsonb,
  CONSTRAINT runs_id_is_a_uuid_v7 CHECK (get_byte(uuid_send(id), 6) >> 4 = 7),
  CONSTRAINT runs_names_are_not_empty CHECK (
    workspace_id <> '' AND tenant_id <> '' AND provider_connection_id <> ''
    AND operation_type <> '' AND initiator_id <> '' AND initiator_name <> ''),
  CONSTRAINT runs_names_are_short CHECK (
    length(workspace_id) <= 255 AND length(tenant_id) <= 255
    AND length(provider_connection_id) <= 255 AND length(operation_type) <= 255
    AND length(initiator_id) <= 255 AND length(initiator_name) <= 255
    AND length(identity) <= 512),
  CONSTRAINT runs_authority_names_its_person CHECK (
    CASE authority_mode WHEN 'actor_bound' THEN initiator_id IS NOT NULL
      WHEN 'system_authority' THEN initiator_id IS NULL ELSE false END),
  CONSTRAINT runs_actor_kind CHECK (actor_kind IN ('human', 'system', 'scheduled', 'integration')),
  CONSTRAINT runs_outcome_fits_status CHECK (
    CASE status WHEN 'queued' THEN outcome = 'pending' WHEN 'running' THEN outcome = 'pending'
      WHEN 'completed' THEN outcome IN ('succeeded', 'partially_succeeded', 'blocked', 'failed', 'cancelled')
      ELSE false END),
  CONSTRAINT runs_count_from_one CHECK (attempt >= 1 AND attempt <= max_attempts AND admission >= attempt),
  CONSTRAINT runs_completed_at_iff_completed CHECK ((completed_at IS NOT NULL) = (status = 'completed')),
  CONSTRAINT runs_running_was_decided CHECK (
    status <> 'running' OR (started_at IS NOT NULL AND decision_id IS NOT NULL)),
  CONSTRAINT runs_leased_only_while_running CHECK (
    (lease_holder IS NULL) = (lease_until IS NULL) AND (lease_holder IS NULL OR status = 'running')),
  CONSTRAINT runs_succeeded_was_started CHECK (
    outcome NOT IN ('succeeded', 'partially_succeeded') OR started_at IS NOT NULL),
  CONSTRAINT runs_result_iff_succeeded CHECK (
    result IS NULL OR outcome IN ('succeeded', 'partially_succeeded')),
  CONSTRAINT runs_counts_is_an_object CHECK (jsonb_typeof(counts) = 'object'),
  CONSTRAINT runs_failure_says_why CHECK (
    CASE WHEN outcome IN ('blocked', 'failed', 'partially_succeeded')
      THEN (CASE jsonb_typeof(failure_summary) WHEN 'array' THEN jsonb_array_length(failure_summary) > 0 END) IS TRUE
      ELSE failure_summary IS NULL END),
  CONSTRAINT runs_blocked_says_why CHECK (
    outcome <> 'blocked' OR (
      context->>'blocked_by' = 'queued_execution_legitimacy' AND context->>'reason_code' IS NOT NULL
      AND context->'execution_legitimacy'->>'reason_code' = context->>'reason_code'
      AND (CASE jsonb_typeof(context->'next_steps') WHEN 'array'
        THEN jsonb_array_length(context->'next_steps') > 0 END)) IS TRUE),
  CONSTRAINT runs_context_only_where_it_says_something CHECK (
    (context IS NOT NULL) = (outcome IN ('blocked', 'cancelled')))
) WITH (fillfactor = 85)`,
  `CREATE UNIQUE INDEX runs_active_identity ON ${q}.runs (identity) WHERE status <> 'completed'`,
  // In the order of the claim, so that runs that are to wait lie behind its end and are never walked over.
  `CREATE INDEX runs_queued ON ${q}.runs (available_at, id) WHERE status = 'queued'`,
  // Not by lease: then a heartbeat changes no index, and the new version of the row stays on its page.
  `CREATE INDEX runs_running ON ${q}.runs (id) WHERE status = 'running'`,
  `CREATE INDEX runs_by_workspace ON ${q}.runs (workspace_id, id)`
]

const decisions = ({ q }: Names) => [
  `CREATE TABLE ${q}.snapshots (
  hash bytea PRIMARY KEY CHECK (length(hash) = 32),
  content jsonb NOT NULL
)`,
  `COMMENT ON TABLE ${q}.snapshots IS
  'What decisions were made from, once for each content: subject, requirements, facts, and the sources of the facts'`,
  `CREATE TABLE ${q}.decisions (
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  attempt integer NOT NULL CHECK (attempt >= 1),
  admission integer NOT NULL CHECK (admission >= 1),
  decided_at timestamptz NOT NULL,
  epoch bigint,
  allowed boolean NOT NULL,
  reason_code text,
  denial_class text,
  retryable boolean NOT NULL,
  detail_code text,
  detail_about text,
  workspace_scope text NOT NULL,
  tenant_scope text NOT NULL,
  capability text NOT NULL,
  tenant_operability text NOT NULL,
  execution_prerequisites text NOT NULL,
  snapshot_hash bytea NOT NULL,
  -- Several decisions of one run may share their millisecond.
  number bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (run_id, id),
  CONSTRAINT decisions_denied_says_why CHECK (
    allowed = (reason_code IS NULL) AND allowed = (denial_class IS NULL) AND allowed = (detail_code IS NULL)
    AND NOT (allowed AND retryable))
)`
]

const audit = ({ q }: Names) => [
  `CREATE TABLE ${q}.audit_records (
  run_id uuid NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  occurred_at timestamptz NOT NULL,
  action text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('success', 'failed', 'partial', 'info', 'blocked')),
  workspace_id text NOT NULL,
  tenant_id text,
  operation_type text NOT NULL,
  actor_kind text NOT NULL CHECK (actor_kind IN ('human', 'system', 'scheduled', 'integration')),
  actor_id text,
  actor_name text,
  attempt integer NOT NULL,
  admission integer NOT NULL,
  decision_id uuid,
  code text,
  PRIMARY KEY (run_id, id)
)`
]

const notices = ({ q }: Names) => {
  const columns = `
  run_id uuid PRIMARY KEY,
  recipient text NOT NULL,
  workspace_id text NOT NULL,
  tenant_id text,
  operation_type text NOT NULL,
  outcome text NOT NULL,
  title text NOT NULL,
  message text NOT NULL,
  next_steps jsonb NOT NULL,
  completed_at timestamptz NOT NULL`
  return [
    `CREATE TABLE ${q}.notices (${columns},
  due_at timestamptz NOT NULL,
  deliveries integer NOT NULL DEFAULT 0,
  delivered_at timestamptz,
  last_problem text
)`,
    `CREATE INDEX notices_due ON ${q}.notices (due_at) WHERE delivered_at IS NULL`,
    `CREATE TABLE ${q}.inbox (${columns},
  delivered_at timestamptz NOT NULL
)`,
    `CREATE INDEX inbox_by_recipient ON ${q}.inbox (recipient, run_id)`
  ]
}

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [
  ...runs(names),
  ...decisions(names),
  ...audit(names),
  ...notices(names)
]
