/**
 * The guards look at the rows of a statement together: one question for all of them, not one for each. What they refuse, and in which
 * words, stays the same.
 */
import type { Names } from "../SchemaName.ts"

/*
 * The search path is pinned, so that no temporary table and no operator can stand in place of ours. Without sequential scans: the plan is
 * kept, and was perhaps made while tables were small.
 */
const triggerFunction = ({ q }: Names, name: string, body: string, declarations = "") => `CREATE FUNCTION ${q}.${name}()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $countersign$
${declarations}BEGIN
${body}
  RETURN NULL;
END
$countersign$`

const ROWS = { INSERT: "NEW TABLE AS rows_after", UPDATE: "OLD TABLE AS rows_before NEW TABLE AS rows_after" }

/** In place of one of this name. */
const trigger = ({ q }: Names, name: string, event: keyof typeof ROWS, execute: string) => [
  `DROP TRIGGER IF EXISTS ${name} ON ${q}.runs`,
  `CREATE TRIGGER ${name} AFTER ${event} ON ${q}.runs REFERENCING ${ROWS[event]}
  FOR EACH STATEMENT EXECUTE FUNCTION ${q}.${execute}()`,
  `ALTER TABLE ${q}.runs ENABLE ALWAYS TRIGGER ${name}`
]

/**
 * A scalar sub-select stays a look-up by key, however many rows a statement has: a join would be planned once for the session, by the
 * first statement's number of rows.
 */
const requiring = ({ q }: Names, started: string) => `  SELECT n.id, n.admission INTO undecided
  FROM (${started}) AS n
  WHERE (SELECT d.allowed FROM ${q}.decisions d
    WHERE d.run_id = n.id AND d.id = n.decision_id AND d.admission = n.admission) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'run % has no allowed decision of admission %', undecided.id, undecided.admission
      USING ERRCODE = 'integrity_constraint_violation',
        HINT = 'Runs come to running only by an admission; nothing else may set this status.';
  END IF;`

const running = (rows: string) => `SELECT id, admission, decision_id FROM ${rows} WHERE status = 'running'`

/** Of runs that were running before, only what was changed about them is asked: a heartbeat asks nothing. */
const starts = (names: Names) => {
  const declarations = "DECLARE\n  undecided record;\n"
  return [
    triggerFunction(names, "require_first_decisions", requiring(names, running("rows_after")), declarations),
    triggerFunction(
      names,
      "require_decisions",
      requiring(names, `${running("rows_after")} EXCEPT ${running("rows_before")}`),
      declarations
    ),
    ...trigger(names, "runs_inserted_running", "INSERT", "require_first_decisions"),
    ...trigger(names, "runs_updated_to_running", "UPDATE", "require_decisions"),
    `DROP FUNCTION ${names.q}.require_decision()`
  ]
}

const ends = (names: Names) => [
  triggerFunction(
    names,
    "refuse_reopenings",
    `  IF EXISTS (SELECT FROM rows_before WHERE status = 'completed') THEN
    RAISE EXCEPTION 'a completed run never changes'
      USING ERRCODE = 'integrity_constraint_violation', HINT = 'Dispatch the operation again instead.';
  END IF;`
  ),
  ...trigger(names, "runs_completed_stay", "UPDATE", "refuse_reopenings"),
  `DROP FUNCTION ${names.q}.refuse_reopening()`
]

/** The rules of migration 11, by their names; the row is `r`, and each must not be false. */
const rules = {
  runs_id_is_a_uuid_v7: "get_byte(uuid_send(r.id), 6) >> 4 = 7",
  runs_names_are_not_empty: `r.workspace_id <> '' AND r.tenant_id <> '' AND r.provider_connection_id <> ''
      AND r.operation_type <> '' AND r.initiator_id <> '' AND r.initiator_name <> ''`,
  runs_names_are_short: `length(r.workspace_id) <= 255 AND length(r.tenant_id) <= 255
      AND length(r.provider_connection_id) <= 255 AND length(r.operation_type) <= 255
      AND length(r.initiator_id) <= 255 AND length(r.initiator_name) <= 255 AND length(r.identity) <= 512`,
  runs_authority_names_its_person: `CASE r.authority_mode WHEN 'actor_bound' THEN r.initiator_id IS NOT NULL
      WHEN 'system_authority' THEN r.initiator_id IS NULL ELSE false END`,
  runs_actor_kind: "r.actor_kind IN ('human', 'system', 'scheduled', 'integration')",
  runs_retry_of_another: "r.retry_of <> r.id AND get_byte(uuid_send(r.retry_of), 6) >> 4 = 7",
  runs_priority_is_known: "r.priority IN (0, 1, 2)",
  runs_slot_is_of_a_schedule: "(r.schedule_id IS NULL) = (r.slot_at IS NULL)",
  runs_schedule_is_a_name: "r.schedule_id <> '' AND length(r.schedule_id) <= 255",
  runs_scheduled_by_the_system: `r.schedule_id IS NULL
      OR (r.actor_kind = 'scheduled' AND r.authority_mode = 'system_authority')`
}

const dispatches = (names: Names) => {
  const { q } = names
  const entries = Object.entries(rules)
  const broken = entries.map(([name, rule]) => `WHEN (${rule}) IS FALSE THEN '${name}'`)
  return [
    ...entries.map(([name]) => `DROP TRIGGER ${name} ON ${q}.runs`),
    `DROP FUNCTION ${q}.refuse_dispatch()`,
    triggerFunction(
      names,
      "refuse_dispatches",
      `  SELECT b.rule INTO broken FROM (SELECT CASE ${broken.join("\n    ")} END AS rule FROM rows_after r) AS b
  WHERE b.rule IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'new row for relation "runs" violates check constraint "%"', broken
      USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
  END IF;`,
      "DECLARE\n  broken text;\n"
    ),
    ...trigger(names, "runs_dispatch_makes_sense", "INSERT", "refuse_dispatches")
  ]
}

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [
  ...starts(names),
  ...ends(names),
  ...dispatches(names)
]
