/** What has waited too long, and what has been kept long enough. */
import { idsOfTime, type Pruning, type RunId } from "@countersign/domain"
import { limited } from "./limits.ts"
import { QUEUED_COLUMNS } from "./RunRow.ts"

/** Holds queued runs whose time to wait is over; parameter: now. In the order of the index, so that none is sorted. */
export const holdingExpired = (q: string, limit: number) => `SELECT ${QUEUED_COLUMNS} FROM ${q}.runs r
WHERE r.status = 'queued' AND r.expires_at <= $1 ORDER BY r.expires_at, r.id LIMIT ${limited(limit)} FOR UPDATE SKIP LOCKED`

/**
 * Deletes what completed before an instant, with its notice and its place in the inbox, of so many runs at most that are looked at in the
 * order of their ids. That is the order of the primary key, so that no index is kept for this alone; and whatever waits or
 * has to stay, no statement walks past more than that. Parameters: the instant for what was told of, that for what was told of or not, the
 * last id that can be old enough, and the one behind which to look.
 *
 * `IS NOT TRUE` of a question asked run by run is not turned into a join with all notices. The runs are found once and deleted by their
 * ids; those found are locked, so that nobody else deletes them meanwhile. The inbox is looked
 * into by recipient and run, which either of its indexes answers: asked for runs alone, a plan made while it is empty walks the wrong one.
 */
export const pruning = (q: string, limit: number) => `WITH looked AS MATERIALIZED (
  SELECT r.id, r.completed_at FROM ${q}.runs r WHERE r.id > $4 AND r.id <= $3 ORDER BY r.id LIMIT ${limited(limit)}
), old AS MATERIALIZED (
  SELECT r.id FROM ${q}.runs r WHERE r.id = ANY (ARRAY(SELECT id FROM looked WHERE completed_at < $1))
    AND (r.completed_at < $2 OR (SELECT n.delivered_at IS NULL FROM ${q}.notices n WHERE n.run_id = r.id) IS NOT TRUE)
  FOR UPDATE OF r SKIP LOCKED
), noticed AS (
  DELETE FROM ${q}.notices WHERE run_id = ANY (ARRAY(SELECT id FROM old)) RETURNING run_id, recipient, delivered_at
), kept AS (
  DELETE FROM ${q}.inbox WHERE ctid = ANY (ARRAY(
    SELECT (SELECT i.ctid FROM ${q}.inbox i WHERE i.recipient = n.recipient AND i.run_id = n.run_id) FROM noticed n))
), gone AS (
  DELETE FROM ${q}.runs WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id
)
SELECT count(*)::integer AS runs, (SELECT (count(*) FILTER (WHERE delivered_at IS NULL))::integer FROM noticed) AS untold,
  (SELECT id FROM looked ORDER BY id OFFSET ${limited(limit)} - 1 LIMIT 1) AS next FROM gone`

/** What that answers. */
export interface PrunedRow {
  readonly runs: number
  readonly untold: number
  /** The table takes no ids but those of runs. */
  readonly next: RunId | null
}

/** The parameters it needs. */
export const pruningParameters = ({ completedBeforeMillis, toldOrNotBeforeMillis, after }: Pruning) => {
  const { from, to } = idsOfTime(0, completedBeforeMillis)
  return [new Date(completedBeforeMillis), new Date(toldOrNotBeforeMillis), to, after ?? from]
}
