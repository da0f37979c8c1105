/**
 * The database's own guard: the last line of defence, whoever issues the statement. It repeats rules of the domain on
 * purpose, and no others: `running` needs a recorded allowed decision of that run and admission; what is completed stays; what
 * was dispatched stays; what was recorded stays.
 */
import type { Names } from "../SchemaName.ts"

const triggerFunction = (q: string, name: string, body: string) => `CREATE FUNCTION ${q}.${name}() RETURNS trigger
LANGUAGE plpgsql AS $countersign$
BEGIN
${body}
END
$countersign$`

const always = (q: string, table: string, trigger: string, definition: string) => [
  `CREATE TRIGGER ${trigger} ${definition}`,
  // Also under session_replication_role = replica, where ordinary triggers sleep.
  `ALTER TABLE ${q}.${table} ENABLE ALWAYS TRIGGER ${trigger}`
]

/**
 * AFTER and FOR EACH ROW: a BEFORE trigger does not see the decision that a sibling of the same statement records, and the
 * query of a statement trigger over many rows is planned badly.
 *
 * Tables and operators are qualified, so that no search path and no temporary table can put others in their place. Pinning the
 * search path would do the same, and cost each start of a run as much as the check itself.
 */
const running = ({ q }: Names) => [
  triggerFunction(
    q,
    "require_decision",
    `  PERFORM 1 FROM ${q}.decisions d
    WHERE d.run_id OPERATOR(pg_catalog.=) NEW.id AND d.id OPERATOR(pg_catalog.=) NEW.decision_id
      AND d.admission OPERATOR(pg_catalog.=) NEW.admission AND d.allowed;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'run % has no allowed decision of admission %', NEW.id, NEW.admission
      USING ERRCODE = 'integrity_constraint_violation',
        HINT = 'Runs come to running only by an admission; nothing else may set this status.';
  END IF;
  RETURN NULL;`
  ),
  ...always(
    q,
    "runs",
    "runs_inserted_running",
    `AFTER INSERT ON ${q}.runs FOR EACH ROW WHEN (NEW.status = 'running') EXECUTE FUNCTION ${q}.require_decision()`
  ),
  ...always(
    q,
    "runs",
    "runs_updated_to_running",
    `AFTER UPDATE ON ${q}.runs FOR EACH ROW WHEN (
    NEW.status = 'running' AND (OLD.status IS DISTINCT FROM 'running' OR OLD.admission <> NEW.admission
      OR OLD.decision_id IS DISTINCT FROM NEW.decision_id OR OLD.id <> NEW.id))
  EXECUTE FUNCTION ${q}.require_decision()`
  )
]

const refusal = (q: string, name: string, message: string, hint: string) =>
  triggerFunction(
    q,
    name,
    `  RAISE EXCEPTION '${message}' USING ERRCODE = 'integrity_constraint_violation', HINT = '${hint}';`
  )

const dispatched = [
  "id",
  "workspace_id",
  "tenant_id",
  "provider_connection_id",
  "operation_type",
  "authority_mode",
  "initiator_id",
  "initiator_name",
  "actor_kind",
  "payload",
  "identity",
  "max_attempts",
  "dispatched_at"
].join(", ")

const lasting = ({ q }: Names) => [
  refusal(q, "refuse_reopening", "a completed run never changes", "Dispatch the operation again instead."),
  ...always(
    q,
    "runs",
    "runs_completed_stay",
    `BEFORE UPDATE ON ${q}.runs FOR EACH ROW WHEN (OLD.status = 'completed') EXECUTE FUNCTION ${q}.refuse_reopening()`
  ),
  refusal(
    q,
    "refuse_redispatching",
    "what was dispatched never changes",
    "Cancel the run and dispatch another one instead."
  ),
  // It fires for statements that name such a column; ours name none.
  ...always(
    q,
    "runs",
    "runs_dispatched_stay",
    `BEFORE UPDATE OF ${dispatched} ON ${q}.runs FOR EACH ROW EXECUTE FUNCTION ${q}.refuse_redispatching()`
  ),
  refusal(q, "refuse_losing", "an active run is never deleted", "Cancel the run; completed runs may be deleted."),
  ...always(
    q,
    "runs",
    "runs_active_stay",
    `BEFORE DELETE ON ${q}.runs FOR EACH ROW WHEN (OLD.status <> 'completed') EXECUTE FUNCTION ${q}.refuse_losing()`
  ),
  ...always(
    q,
    "runs",
    "runs_are_not_truncated",
    `BEFORE TRUNCATE ON ${q}.runs FOR EACH STATEMENT EXECUTE FUNCTION ${q}.refuse_losing()`
  )
]

const recorded = ({ q }: Names) => [
  refusal(q, "refuse_rewriting", "this record is append-only", "Records are added and read, nothing else."),
  ...["decisions", "snapshots", "audit_records"].flatMap((table) =>
    always(
      q,
      table,
      `${table}_stay`,
      `BEFORE UPDATE OR DELETE OR TRUNCATE ON ${q}.${table} FOR EACH STATEMENT EXECUTE FUNCTION ${q}.refuse_rewriting()`
    )
  )
]

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [
  ...running(names),
  ...lasting(names),
  ...recorded(names)
]
