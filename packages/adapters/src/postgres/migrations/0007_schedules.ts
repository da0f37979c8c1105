/** Schedules, and of which slot of which schedule a run is. */
import type { Names } from "../SchemaName.ts"

const schedules = ({ q }: Names) => [
  `CREATE TABLE ${q}.schedules (
  id text COLLATE "C" PRIMARY KEY,
  operation_type text NOT NULL,
  workspace_id text NOT NULL,
  tenant_id text,
  provider_connection_id text,
  payload jsonb NOT NULL,
  cron text NOT NULL,
  zone text NOT NULL,
  missed text NOT NULL,
  created_by_id text NOT NULL,
  created_by_name text,
  created_at timestamptz NOT NULL,
  owner_id text NOT NULL,
  owner_name text,
  next_slot_at timestamptz,
  paused_at timestamptz,
  last_slot_at timestamptz,
  problem text,
  problem_at timestamptz,
  revision integer NOT NULL,
  CONSTRAINT schedules_names_are_not_empty CHECK (
    id <> '' AND operation_type <> '' AND workspace_id <> '' AND tenant_id <> '' AND provider_connection_id <> ''
    AND cron <> '' AND zone <> '' AND created_by_id <> '' AND created_by_name <> '' AND owner_id <> '' AND owner_name <> ''),
  CONSTRAINT schedules_names_are_short CHECK (
    length(id) <= 255 AND length(operation_type) <= 255 AND length(workspace_id) <= 255 AND length(tenant_id) <= 255
    AND length(provider_connection_id) <= 255 AND length(cron) <= 255 AND length(zone) <= 255
    AND length(created_by_id) <= 255 AND length(created_by_name) <= 255
    AND length(owner_id) <= 255 AND length(owner_name) <= 255),
  CONSTRAINT schedules_missed_is_a_policy CHECK (missed ~ '^(skip|once|all:[1-9][0-9]{0,2})$'),
  CONSTRAINT schedules_active_or_paused CHECK ((next_slot_at IS NULL) <> (paused_at IS NULL)),
  CONSTRAINT schedules_problem_has_its_time CHECK ((problem IS NULL) = (problem_at IS NULL)),
  CONSTRAINT schedules_revision_from_one CHECK (revision >= 1)
)`,
  `COMMENT ON TABLE ${q}.schedules IS
  'What is dispatched under system authority at the slots of a timetable; creator and owner are provenance, never authority'`,
  `CREATE INDEX schedules_due ON ${q}.schedules (next_slot_at, id) WHERE next_slot_at IS NOT NULL`
]

const slots = ({ q }: Names) => [
  `ALTER TABLE ${q}.runs
  ADD COLUMN schedule_id text,
  ADD COLUMN slot_at timestamptz,
  ADD CONSTRAINT runs_slot_is_of_a_schedule CHECK ((schedule_id IS NULL) = (slot_at IS NULL)),
  ADD CONSTRAINT runs_schedule_is_a_name CHECK (schedule_id <> '' AND length(schedule_id) <= 255),
  ADD CONSTRAINT runs_scheduled_by_the_system CHECK (
    schedule_id IS NULL OR (actor_kind = 'scheduled' AND authority_mode = 'system_authority'))`,
  `COMMENT ON COLUMN ${q}.runs.slot_at IS 'The slot of the schedule that this run is of'`,
  // The run's id follows from its slot; this holds two writers to it that do not know each other.
  `CREATE UNIQUE INDEX runs_one_per_slot ON ${q}.runs (schedule_id, slot_at) WHERE schedule_id IS NOT NULL`,
  `CREATE TRIGGER runs_slot_stays BEFORE UPDATE OF schedule_id, slot_at ON ${q}.runs
  FOR EACH ROW EXECUTE FUNCTION ${q}.refuse_redispatching()`,
  `ALTER TABLE ${q}.runs ENABLE ALWAYS TRIGGER runs_slot_stays`
]

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [...schedules(names), ...slots(names)]
