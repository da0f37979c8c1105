/** The same rules and the same record, for less work and less log. */
import type { Names } from "../SchemaName.ts"

/**
 * As before, but after the change. A trigger that fires before it makes PostgreSQL lock each row first, which goes to the log, and compute
 * every generated column anew, whether the trigger then fires or not.
 */
const lasting = ({ q }: Names) => {
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
  ]
  const stays = [
    { trigger: "runs_dispatched_stay", columns: dispatched },
    { trigger: "runs_terms_stay", columns: ["expires_at", "retry_of"] },
    { trigger: "runs_order_stays", columns: ["priority"] },
    { trigger: "runs_slot_stays", columns: ["schedule_id", "slot_at"] }
  ].map(({ trigger, columns }) => ({
    trigger,
    definition: `AFTER UPDATE OF ${columns.join(", ")} ON ${q}.runs FOR EACH ROW EXECUTE FUNCTION ${q}.refuse_redispatching()`
  }))
  const completed = {
    trigger: "runs_completed_stay",
    definition: `AFTER UPDATE ON ${q}.runs FOR EACH ROW WHEN (OLD.status = 'completed') EXECUTE FUNCTION ${q}.refuse_reopening()`
  }
  return [...stays, completed].flatMap(({ trigger, definition }) => [
    `DROP TRIGGER ${trigger} ON ${q}.runs`,
    `CREATE TRIGGER ${trigger} ${definition}`,
    `ALTER TABLE ${q}.runs ENABLE ALWAYS TRIGGER ${trigger}`
  ])
}

/** Two records that differ in nothing but their action share a row; each keeps a number of its own. */
const audit = ({ q }: Names) => [
  `ALTER TABLE ${q}.audit_records
  ADD COLUMN decided text CHECK (decided IN ('success', 'failed', 'partial', 'info', 'blocked'))`,
  `COMMENT ON COLUMN ${q}.audit_records.decided IS
  'Not null: the row is two records; before its own, under the number before its id, one of the action run.decided with this outcome'`,
  `ALTER TABLE ${q}.audit_records ALTER COLUMN id SET INCREMENT BY 2`
]

/** Facts stand beside the decision they led to; what all runs of an operation share stays where whole snapshots were. */
const snapshots = ({ q }: Names) => [
  `ALTER TABLE ${q}.decisions
  ADD COLUMN facts text,
  ADD COLUMN facts_hash bytea,
  ADD CONSTRAINT decisions_facts_have_their_hash CHECK ((facts IS NULL) = (facts_hash IS NULL))`,
  `COMMENT ON COLUMN ${q}.decisions.facts IS
  'JSON, to the letter, under its SHA-256: what was asked about and what was found. Null where the snapshot holds that too'`,
  `COMMENT ON TABLE ${q}.snapshots IS
  'What decisions were made from, once for each content: requirements and the sources of the facts; of older decisions everything'`
]

/** Whichever of its indexes the planner takes, a membership is found by its whole key. */
const facts = ({ q }: Names) => [
  `DROP INDEX ${q}.memberships_by_user`,
  `CREATE INDEX memberships_by_user ON ${q}.memberships (user_id, workspace_id)`
]

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [
  ...lasting(names),
  ...audit(names),
  ...snapshots(names),
  ...facts(names)
]
