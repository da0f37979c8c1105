/** What has waited too long, and what has been kept long enough. */
import type { Pruning } from "@countersign/domain"
import { limited } from "./limits.ts"
import { QUEUED_COLUMNS } from "./RunRow.ts"

/** Holds queued runs whose time to wait is over; parameter: now. In the order of the index, so that none is sorted. */
export const holdingExpired = (q: string, limit: number) => `SELECT ${QUEUED_COLUMNS} FROM ${q}.runs r
WHERE r.status = 'queued' AND r.expires_at <= $1 ORDER BY r.expires_at, r.id LIMIT ${limited(limit)} FOR UPDATE SKIP LOCKED`

/**
 * Deletes what completed before an instant, with its notice and its place in the inbox. Parameters: the instant for what was told of,
 * that for what was told of or not, and, where that is asked for, the one from which on runs are looked at.
 *
 * `IS NOT TRUE` of a question asked run by run is not turned into a join with all notices. The runs are found once, in the
 * order of the index, and deleted by their ids; those found are locked, so that nobody else deletes them meanwhile. The inbox is looked
 * into by recipient and run, which either of its indexes answers: asked for runs alone, a plan made while it is empty walks the wrong one.
 */
export const pruning = (
  q: string,
  { fromMillis, limit }: Pick<Pruning, "fromMillis" | "limit">
) => `WITH old AS MATERIALIZED (
  SELECT r.id FROM ${q}.runs r WHERE r.status = 'completed' AND r.completed_at < $1
    ${fromMillis === null ? "" : "AND r.completed_at >= $3"}
    AND (r.completed_at < $2 OR (SELECT n.delivered_at IS NULL FROM ${q}.notices n WHERE n.run_id = r.id) IS NOT TRUE)
  ORDER BY r.completed_at LIMIT ${limited(limit)} FOR UPDATE OF r SKIP LOCKED
), noticed AS (
  DELETE FROM ${q}.notices WHERE run_id = ANY (ARRAY(SELECT id FROM old)) RETURNING run_id, recipient, delivered_at
), kept AS (
  DELETE FROM ${q}.inbox WHERE ctid = ANY (ARRAY(
    SELECT (SELECT i.ctid FROM ${q}.inbox i WHERE i.recipient = n.recipient AND i.run_id = n.run_id) FROM noticed n))
), gone AS (
  DELETE FROM ${q}.runs WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING completed_at
)
SELECT count(*)::integer AS runs, (SELECT (count(*) FILTER (WHERE delivered_at IS NULL))::integer FROM noticed) AS untold,
  max(completed_at) AS last FROM gone`

/** What that answers. */
export interface PrunedRow {
  readonly runs: number
  readonly untold: number
  readonly last: Date | null
}

/** The parameters it needs. */
export const pruningParameters = ({ completedBeforeMillis, toldOrNotBeforeMillis, fromMillis }: Pruning) =>
  [completedBeforeMillis, toldOrNotBeforeMillis, ...(fromMillis === null ? [] : [fromMillis])].map(
    (millis) => new Date(millis)
  )
