/** Held runs, offered again because their workspace's authority has changed. */
import type { Names } from "./SchemaName.ts"

/** How many runs one statement offers at most. */
export const OFFERED_AT_ONCE = 500

/**
 * Makes held runs available; parameter: now. Answers how many it touched, and how many of these would have waited longer.
 *
 * It goes from workspace to workspace through the index of held runs, and in one that has not changed looks at the least epoch
 * only, since epochs grow: what has to be done while nothing changes does not grow with the number of runs. What is offered takes
 * the epoch along, so that it is offered once for each change, however often it is put off meanwhile.
 */
export const offeringStatement = ({ q, channel }: Names): string => {
  const held = `FROM ${q}.runs r WHERE r.held IS NOT NULL`
  return `WITH RECURSIVE places(workspace_id) AS (
  (SELECT r.workspace_id ${held} ORDER BY r.workspace_id, r.held_epoch LIMIT 1)
  UNION ALL
  SELECT (SELECT r.workspace_id ${held} AND r.workspace_id > p.workspace_id ORDER BY r.workspace_id, r.held_epoch LIMIT 1)
  FROM places p WHERE p.workspace_id IS NOT NULL
), epochs AS MATERIALIZED (
  SELECT p.workspace_id,
    coalesce((SELECT e.epoch FROM ${q}.authority_epochs e WHERE e.workspace_id = p.workspace_id), 0) AS epoch
  FROM places p WHERE p.workspace_id IS NOT NULL
), found AS MATERIALIZED (
  SELECT stale.id, e.epoch, stale.available_at > $1 AS is_early
  FROM epochs e CROSS JOIN LATERAL (
    SELECT r.id, r.available_at ${held} AND r.workspace_id = e.workspace_id AND r.held_epoch < e.epoch
    LIMIT ${OFFERED_AT_ONCE} FOR UPDATE SKIP LOCKED
  ) AS stale LIMIT ${OFFERED_AT_ONCE}
), offered AS (
  UPDATE ${q}.runs AS r SET available_at = least(r.available_at, $1), held_epoch = f.epoch
  FROM found f WHERE r.id = f.id RETURNING f.is_early
), woken AS (
  SELECT pg_catalog.pg_notify('${channel}', '') WHERE EXISTS (SELECT FROM offered WHERE is_early)
)
SELECT count(*)::integer AS touched, (count(*) FILTER (WHERE is_early))::integer AS offered FROM offered
WHERE (SELECT count(*) FROM woken) >= 0`
}
