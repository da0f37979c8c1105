/** What has waited too long, and what has been kept long enough. */
import { limited } from "./limits.ts"
import { RUN_COLUMNS } from "./RunRow.ts"

/** Holds queued runs whose time to wait is over; parameter: now. In the order of the index, so that none is sorted. */
export const holdingExpired = (q: string, limit: number) => `SELECT ${RUN_COLUMNS} FROM ${q}.runs r
WHERE r.status = 'queued' AND r.expires_at <= $1 ORDER BY r.expires_at, r.id LIMIT ${limited(limit)} FOR UPDATE SKIP LOCKED`

/**
 * Deletes what completed before an instant, with its notice; parameter: the instant; answers one row for each run.
 *
 * `IS NOT TRUE` of a question asked run by run is not turned into a join with all notices. The runs are found once, in the
 * order of the index, and deleted by their ids; those found are locked, so that nobody else deletes them meanwhile.
 */
export const pruning = (q: string, limit: number) => `WITH old AS MATERIALIZED (
  SELECT r.id FROM ${q}.runs r WHERE r.status = 'completed' AND r.completed_at < $1
    AND (SELECT n.delivered_at IS NULL FROM ${q}.notices n WHERE n.run_id = r.id) IS NOT TRUE
  ORDER BY r.completed_at LIMIT ${limited(limit)} FOR UPDATE OF r SKIP LOCKED
), noticed AS (
  DELETE FROM ${q}.notices WHERE run_id = ANY (ARRAY(SELECT id FROM old)) AND delivered_at IS NOT NULL
)
DELETE FROM ${q}.runs WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id`
