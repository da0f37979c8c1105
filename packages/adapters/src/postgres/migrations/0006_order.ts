/** In which order runs are taken, how many at once, and what is paused. */
import type { Names } from "../SchemaName.ts"

/** A hash of what `laneKeyOf` says: lanes are compared as numbers. Where two lanes share one, they share a turn. */
const LANE = "hashtextextended(operation_type || E'\\x1f' || workspace_id || E'\\x1f' || coalesce(tenant_id, ''), 0)"

const columns = ({ q }: Names) => [
  `ALTER TABLE ${q}.runs
  ADD COLUMN priority smallint NOT NULL DEFAULT 1,
  ADD COLUMN lane bigint NOT NULL GENERATED ALWAYS AS (${LANE}) STORED,
  ADD CONSTRAINT runs_priority_is_known CHECK (priority IN (0, 1, 2))`,
  `COMMENT ON COLUMN ${q}.runs.priority IS '0 high, 1 normal, 2 low'`,
  `COMMENT ON COLUMN ${q}.runs.lane IS 'Runs of one operation for one tenant of one workspace: a claim gives each lane its turn'`,
  `CREATE TRIGGER runs_order_stays BEFORE UPDATE OF priority ON ${q}.runs
  FOR EACH ROW EXECUTE FUNCTION ${q}.refuse_redispatching()`,
  `ALTER TABLE ${q}.runs ENABLE ALWAYS TRIGGER runs_order_stays`
]

/** One index for each order of claims; that of the running runs serves to count them as well. */
const indexes = ({ q }: Names) => [
  `CREATE INDEX runs_waiting ON ${q}.runs (priority, available_at, id) WHERE status = 'queued'`,
  `CREATE INDEX runs_in_lanes ON ${q}.runs (lane, priority, available_at, id) WHERE status = 'queued'`,
  `DROP INDEX ${q}.runs_queued`,
  `DROP INDEX ${q}.runs_running`,
  `CREATE INDEX runs_running ON ${q}.runs (operation_type, lane) WHERE status = 'running'`
]

const pauses = ({ q }: Names) => [
  `CREATE TABLE ${q}.pauses (
  operation_type text NOT NULL CHECK (length(operation_type) <= 255),
  workspace_id text NOT NULL CHECK (length(workspace_id) <= 255),
  since timestamptz NOT NULL,
  paused_by text NOT NULL CHECK (paused_by <> ''),
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  PRIMARY KEY (workspace_id, operation_type),
  CONSTRAINT pauses_name_something CHECK (operation_type <> '' OR workspace_id <> '')
)`,
  `COMMENT ON TABLE ${q}.pauses IS
  'What is paused now: an empty operation_type means every operation, an empty workspace_id every workspace'`,
  `CREATE TABLE ${q}.pause_records (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at timestamptz NOT NULL,
  action text NOT NULL CHECK (action IN ('paused', 'resumed')),
  operation_type text NOT NULL,
  workspace_id text NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL
)`,
  `CREATE TRIGGER pause_records_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ${q}.pause_records
  FOR EACH STATEMENT EXECUTE FUNCTION ${q}.refuse_rewriting()`,
  `ALTER TABLE ${q}.pause_records ENABLE ALWAYS TRIGGER pause_records_stay`
]

/*
 * Each query in a volatile function takes a new snapshot: what is counted is what runs after the locks were obtained, so that nobody
 * else has brought a run to running in between that is not seen. OFFSET 0 keeps the planner from asking for a lock twice.
 */
const counting = ({ q, locks }: Names) => [
  `CREATE FUNCTION ${q}.take_counters(keys text[], operations text[], lanes text[])
  RETURNS TABLE (key text, running integer)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $countersign$
DECLARE
  obtained integer[];
BEGIN
  SELECT array_agg(tried.n) INTO obtained FROM (
    SELECT n, pg_try_advisory_xact_lock(${locks.counters}, hashtext(k)) AS got
    FROM unnest(keys) WITH ORDINALITY AS u(k, n) OFFSET 0
  ) AS tried WHERE tried.got;
  RETURN QUERY SELECT keys[o.n], CASE WHEN lanes[o.n] IS NULL
    THEN (SELECT count(*) FROM ${q}.runs r WHERE r.status = 'running' AND r.operation_type = operations[o.n])
    ELSE (SELECT count(*) FROM ${q}.runs r WHERE r.status = 'running' AND r.operation_type = operations[o.n]
      AND r.lane = hashtextextended(lanes[o.n], 0)) END::integer
    FROM unnest(obtained) AS o(n);
END
$countersign$`,
  `COMMENT ON FUNCTION ${q}.take_counters(text[], text[], text[]) IS
  'Counts the running runs of operations, or of their lanes, and keeps others from starting any until the transaction ends; leaves out those that somebody else has, and never waits'`
]

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [
  ...columns(names),
  ...indexes(names),
  ...pauses(names),
  ...counting(names)
]
