/**
 * What a dispatch fixes once and for all is checked when it is stored. As constraints these rules were read, prepared and asked again by
 * every statement that touches a run, though no statement can change what they are about: triggers refuse it.
 */
import type { Names } from "../SchemaName.ts"

/** The constraints of earlier migrations, by their names; each must not be false. */
const rules = {
  runs_id_is_a_uuid_v7: "get_byte(uuid_send(NEW.id), 6) >> 4 = 7",
  runs_names_are_not_empty: `NEW.workspace_id <> '' AND NEW.tenant_id <> '' AND NEW.provider_connection_id <> ''
    AND NEW.operation_type <> '' AND NEW.initiator_id <> '' AND NEW.initiator_name <> ''`,
  runs_names_are_short: `length(NEW.workspace_id) <= 255 AND length(NEW.tenant_id) <= 255
    AND length(NEW.provider_connection_id) <= 255 AND length(NEW.operation_type) <= 255
    AND length(NEW.initiator_id) <= 255 AND length(NEW.initiator_name) <= 255 AND length(NEW.identity) <= 512`,
  runs_authority_names_its_person: `CASE NEW.authority_mode WHEN 'actor_bound' THEN NEW.initiator_id IS NOT NULL
    WHEN 'system_authority' THEN NEW.initiator_id IS NULL ELSE false END`,
  runs_actor_kind: "NEW.actor_kind IN ('human', 'system', 'scheduled', 'integration')",
  runs_retry_of_another: "NEW.retry_of <> NEW.id AND get_byte(uuid_send(NEW.retry_of), 6) >> 4 = 7",
  runs_priority_is_known: "NEW.priority IN (0, 1, 2)",
  runs_slot_is_of_a_schedule: "(NEW.schedule_id IS NULL) = (NEW.slot_at IS NULL)",
  runs_schedule_is_a_name: "NEW.schedule_id <> '' AND length(NEW.schedule_id) <= 255",
  runs_scheduled_by_the_system: `NEW.schedule_id IS NULL
    OR (NEW.actor_kind = 'scheduled' AND NEW.authority_mode = 'system_authority')`
}

/** The statements of this migration, in order. */
export const statements = ({ q }: Names): ReadonlyArray<string> => {
  const entries = Object.entries(rules)
  return [
    `CREATE FUNCTION ${q}.refuse_dispatch() RETURNS trigger
LANGUAGE plpgsql AS $countersign$
BEGIN
  RAISE EXCEPTION 'new row for relation "runs" violates check constraint "%"', TG_ARGV[0]
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END
$countersign$`,
    `ALTER TABLE ${q}.runs\n  ${entries.map(([name]) => `DROP CONSTRAINT ${name}`).join(",\n  ")}`,
    ...entries.flatMap(([name, rule]) => [
      `CREATE TRIGGER ${name} AFTER INSERT ON ${q}.runs FOR EACH ROW WHEN ((${rule}) IS FALSE)
  EXECUTE FUNCTION ${q}.refuse_dispatch('${name}')`,
      `ALTER TABLE ${q}.runs ENABLE ALWAYS TRIGGER ${name}`
    ])
  ]
}
