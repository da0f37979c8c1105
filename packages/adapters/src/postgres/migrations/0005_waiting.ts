/** How long runs wait, why some are held, whose retry a run is; and what finds those that are to be given up, offered or pruned. */
import type { Names } from "../SchemaName.ts"

/** What waits when this is run, and was dispatched without a limit, may wait that much longer. */
const REST = "interval '7 days'"

const columns = ({ q }: Names) => [
  // The default is evaluated once, so that no row has to be written for it; the next dispatch has to say its own.
  `ALTER TABLE ${q}.runs
  ADD COLUMN expires_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()) + ${REST},
  ADD COLUMN retry_of uuid,
  ADD COLUMN held jsonb,
  ADD COLUMN held_epoch bigint`,
  `ALTER TABLE ${q}.runs ALTER COLUMN expires_at DROP DEFAULT`,
  `UPDATE ${q}.runs SET expires_at = available_at + ${REST} WHERE status = 'queued' AND available_at > now()`,
  `COMMENT ON COLUMN ${q}.runs.held IS 'Why a queued run is held, and since when: it was denied for a reason that may pass'`,
  `COMMENT ON COLUMN ${q}.runs.held_epoch IS
  'The epoch of its workspace by which a held run was denied or last offered again; null when the facts were not fenced'`
]

const constraints = ({ q }: Names) => [
  `ALTER TABLE ${q}.runs
  ADD CONSTRAINT runs_retry_of_another CHECK (retry_of <> id AND get_byte(uuid_send(retry_of), 6) >> 4 = 7),
  ADD CONSTRAINT runs_held_only_while_queued CHECK (held IS NULL OR status = 'queued'),
  ADD CONSTRAINT runs_held_says_why CHECK (held IS NULL OR (
    held->'failure'->>'code' <> '' AND held->'failure'->>'detail' <> ''
    AND jsonb_typeof(held->'sinceMillis') = 'number') IS TRUE),
  ADD CONSTRAINT runs_held_epoch_only_while_held CHECK (held_epoch IS NULL OR held IS NOT NULL),
  -- A denial counts as an admission.
  ADD CONSTRAINT runs_held_was_decided CHECK (held IS NULL OR admission > attempt)`
]

const indexes = ({ q }: Names) => [
  `CREATE INDEX runs_expiring ON ${q}.runs (expires_at, id) WHERE status = 'queued'`,
  `CREATE INDEX runs_held ON ${q}.runs (workspace_id, held_epoch) WHERE held IS NOT NULL`,
  `CREATE INDEX runs_completed ON ${q}.runs (completed_at) WHERE status = 'completed'`
]

const lasting = ({ q }: Names) => [
  `CREATE TRIGGER runs_terms_stay BEFORE UPDATE OF expires_at, retry_of ON ${q}.runs
  FOR EACH ROW EXECUTE FUNCTION ${q}.refuse_redispatching()`,
  `ALTER TABLE ${q}.runs ENABLE ALWAYS TRIGGER runs_terms_stay`
]

/**
 * As before, and tells workers when runs are held in one of these workspaces: they hear of it when the change is committed. Each
 * workspace is one look into the index of held runs, whatever the planner believes of a table that nobody has analysed, and planned
 * once: planning it each time costs several times what the whole function does.
 */
const telling = ({ q, locks, channel }: Names) => [
  `CREATE OR REPLACE FUNCTION ${q}.fence_workspaces(workspaces text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $countersign$
BEGIN
  PERFORM ${q}.lock_keys(${locks.workspaces}, workspaces);
  INSERT INTO ${q}.authority_epochs AS e (workspace_id, epoch)
    SELECT DISTINCT w, 1 FROM unnest(workspaces) AS u(w) ORDER BY w
    ON CONFLICT (workspace_id) DO UPDATE SET epoch = e.epoch + 1;
  IF EXISTS (
    SELECT FROM unnest(workspaces) AS u(w) WHERE u.w = (
      SELECT r.workspace_id FROM ${q}.runs r WHERE r.held IS NOT NULL AND r.workspace_id >= u.w
      ORDER BY r.workspace_id, r.held_epoch LIMIT 1)
  ) THEN
    PERFORM pg_notify('${channel}', '');
  END IF;
END
$countersign$`
]

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [
  ...columns(names),
  ...constraints(names),
  ...indexes(names),
  ...lasting(names),
  ...telling(names)
]
