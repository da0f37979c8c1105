/**
 * Claims, in their two orders. Both read what is paused in their own snapshot, and both look at a bounded number of rows, whatever
 * waits: what stands in front and cannot be taken costs no more than that.
 */
import { type Claim, laneKeyOf } from "@countersign/domain"
import { arrayOf } from "./Cells.ts"
import type { Place } from "./FrontMark.ts"
import { limited } from "./limits.ts"
import { noQueuedColumns, QUEUED_COLUMNS, type QueuedRow } from "./RunRow.ts"
import type { Names } from "./SchemaName.ts"

/** How many runs of each priority a claim in the oldest order goes past in vain at most. */
export const PASSED_AT_MOST = 500
/** How many lanes a fair claim looks at, at most, unless it has room for more runs. */
export const LANES_AT_MOST = 256

/**
 * A claim has room for as many runs as there are free hands, which is another number nearly every time. Its statement is made for the
 * next hundred, and told the room as a parameter: a statement of its own for each room would be planned anew on each connection.
 */
const ROOM_STEP = 100

const stepOf = (limit: number): number => Math.ceil(Number(limited(limit)) / ROOM_STEP) * ROOM_STEP

/** A claimed run, or at the end what the claim found beside runs. */
export interface ClaimRow extends Omit<QueuedRow, "id" | "available_at"> {
  /** Of the last row, in the oldest order: the place of the first run of the front, whatever its priority; null where none waits. */
  readonly id: string | null
  readonly available_at: QueuedRow["available_at"] | null
  /** The lane it was found in, a `bigint` as text; of the last row, the last lane looked at. Null in the oldest order. */
  readonly walked: string | null
  /** How many lanes had been looked at by then. */
  readonly place: number | null
  /** Of the last row alone: whether another claim may find more at once. */
  readonly more: boolean | null
}

const PRIORITIES = "(VALUES (0::smallint), (1::smallint), (2::smallint)) AS p(rank)"

/** Whether `run` is one that nothing paused. The lists are read once for each statement. */
export const unpaused = (q: string, run: string): string =>
  `${run}.operation_type <> ALL (ARRAY(SELECT s.operation_type FROM ${q}.pauses s WHERE s.workspace_id = ''))
    AND ${run}.workspace_id <> ALL (ARRAY(SELECT s.workspace_id FROM ${q}.pauses s WHERE s.operation_type = ''))
    AND ${run}.operation_type || E'\\x1f' || ${run}.workspace_id <> ALL (ARRAY(
      SELECT s.operation_type || E'\\x1f' || s.workspace_id FROM ${q}.pauses s
      WHERE s.operation_type <> '' AND s.workspace_id <> ''))`

/** Whether the claim may have `run`; parameters: types, workspaces to pass over, lanes that are full. */
const eligible = (q: string, run: string): string =>
  `${run}.operation_type = ANY ($2::text[])
    AND ${run}.workspace_id <> ALL ($3::text[])
    AND ${run}.lane <> ALL (ARRAY(SELECT hashtextextended(k, 0) FROM unnest($4::text[]) AS u(k)))
    AND ${unpaused(q, run)}`

/**
 * Parameters: now, types, workspaces, lanes, room, and the instants and ids to begin behind, by rank; see `FrontMark`.
 *
 * The front of each priority is read in the order of its index, and no further than rows are asked of it. Where it begins, its first row
 * says; of the priorities behind that one this is looked up, since to sort the front would be to read it all. A run is locked by its id
 * alone, so that none is locked that stands in front and cannot be taken. That it must still be queued is asked by way of `front`: said
 * in as many words, it would let the planner walk an index of queued runs for an id, while nobody has analysed the table.
 */
export const oldestStatement = ({ q }: Names, limit: number): string => {
  const room = "$5::integer"
  const window = stepOf(limit) + PASSED_AT_MOST
  const frontOf = (columns: string, rows: number) => `SELECT p.rank, w.* FROM ${PRIORITIES} CROSS JOIN LATERAL (
    SELECT ${columns} FROM ${q}.runs r
    WHERE r.status = 'queued' AND r.priority = p.rank AND r.available_at <= $1
      AND (r.available_at, r.id) > (($6::timestamptz[])[p.rank + 1], ($7::uuid[])[p.rank + 1])
    ORDER BY r.available_at, r.id LIMIT ${rows}
  ) AS w`
  return `WITH front AS MATERIALIZED (
  ${frontOf("r.id, r.available_at, r.status, r.operation_type, r.workspace_id, r.lane", window)}
), first AS MATERIALIZED (
  SELECT rank, id, available_at FROM front LIMIT 1
), firsts AS MATERIALIZED (
  SELECT rank, id, available_at FROM first
  UNION ALL
  ${frontOf("r.id, r.available_at", 1)} WHERE p.rank > (SELECT rank FROM first)
), taken AS MATERIALIZED (
  SELECT r.* FROM front f CROSS JOIN LATERAL (
    SELECT ${QUEUED_COLUMNS} FROM ${q}.runs r
    WHERE r.id = f.id AND r.status = f.status AND r.available_at <= $1 LIMIT 1 FOR UPDATE SKIP LOCKED
  ) AS r WHERE ${eligible(q, "f")} LIMIT ${room}
)
SELECT ${QUEUED_COLUMNS}, NULL::text AS walked, NULL::integer AS place, NULL::boolean AS more FROM taken r
UNION ALL
SELECT ${noQueuedColumns({ id: "f.id", available_at: "f.available_at" })}, NULL, NULL,
  CASE WHEN (SELECT count(*) FROM taken) < ${room}
    THEN EXISTS (SELECT FROM front GROUP BY rank HAVING count(*) = ${window}) ELSE false END
FROM (VALUES (1)) AS note LEFT JOIN (SELECT id, available_at FROM firsts ORDER BY available_at, id LIMIT 1) AS f ON true`
}

/** Which runs could have been taken at an instant, those that wait for longest first; parameters: the instant, types. Holds none. */
export const waitingStatement = ({ q }: Names, limit: number): string => `SELECT w.id
FROM ${PRIORITIES} CROSS JOIN LATERAL (
  SELECT r.id, r.available_at FROM ${q}.runs r
  WHERE r.status = 'queued' AND r.priority = p.rank AND r.available_at <= $1
    AND r.operation_type = ANY ($2::text[]) AND ${unpaused(q, "r")}
  ORDER BY r.available_at, r.id LIMIT ${limited(limit)}
) AS w ORDER BY w.available_at, w.id LIMIT ${limited(limit)}`

/**
 * Parameters: now, types, workspaces, lanes, room, the lane to begin behind, and the instant and id to begin at in each lane; see
 * `FrontMark`.
 *
 * It goes from lane to lane by one look into the index for each, from where the last claim ended and round, until as many lanes as
 * there is room have something to give. The room is shared out between them. What a look finds is the first run of its lane: where that
 * is available, no other look is needed. OFFSET 0 keeps what a lane gives from being asked twice.
 */
export const fairStatement = ({ q }: Names, limit: number): string => {
  const room = "$5::integer"
  const begin = "$6::text::bigint"
  const lanes = Math.max(LANES_AT_MOST, stepOf(limit))
  const next = "SELECT r.lane, r.operation_type, r.workspace_id, r.priority, r.available_at"
  const firstOfLane = "ORDER BY r.lane, r.priority, r.available_at, r.id LIMIT 1"
  const waiting = "r.status = 'queued' AND (r.available_at, r.id) >= ($7::timestamptz, $8::uuid)"
  return `WITH RECURSIVE walk(lane, is_round, place, found, gives, priority) AS (
  SELECT ${begin}, false, 0, 0, false, 0::smallint
  UNION ALL
  SELECT n.lane, n.is_round, w.place + 1, w.found + n.gives::integer, n.gives, n.priority
  FROM walk w CROSS JOIN LATERAL (
    SELECT t.lane, t.is_round, t.priority, CASE
      WHEN NOT (${eligible(q, "t")}) THEN false
      WHEN t.available_at <= $1 THEN true
      ELSE (SELECT true FROM ${PRIORITIES} CROSS JOIN LATERAL (
        SELECT FROM ${q}.runs r WHERE ${waiting} AND r.lane = t.lane AND r.priority = p.rank
          AND r.available_at <= $1 ORDER BY r.available_at LIMIT 1
      ) AS first WHERE p.rank > t.priority LIMIT 1) IS TRUE END AS gives
    FROM (
      (${next}, w.is_round FROM ${q}.runs r WHERE ${waiting} AND r.lane > w.lane
        AND r.lane <= CASE WHEN w.is_round THEN ${begin} ELSE 9223372036854775807 END
        ${firstOfLane})
      UNION ALL
      (${next}, true FROM ${q}.runs r WHERE NOT w.is_round AND ${waiting} AND r.lane <= ${begin}
        ${firstOfLane})
      LIMIT 1
    ) AS t OFFSET 0
  ) AS n
  WHERE w.place < ${lanes} AND w.found < ${room}
), giving AS MATERIALIZED (
  SELECT lane, place, priority FROM walk WHERE gives
), share AS MATERIALIZED (
  SELECT ceil(${room} / greatest(count(*), 1)::numeric)::bigint AS runs FROM giving
), taken AS MATERIALIZED (
  SELECT r.*, g.lane AS walked, g.place FROM giving g CROSS JOIN LATERAL (
    SELECT a.* FROM ${PRIORITIES} CROSS JOIN LATERAL (
      SELECT ${QUEUED_COLUMNS} FROM ${q}.runs r
      WHERE ${waiting} AND r.lane = g.lane AND r.priority = p.rank AND r.available_at <= $1
      ORDER BY r.available_at, r.id LIMIT ${stepOf(limit)} FOR UPDATE SKIP LOCKED
    ) AS a WHERE p.rank >= g.priority LIMIT (SELECT runs FROM share)
  ) AS r LIMIT ${room}
)
SELECT ${QUEUED_COLUMNS}, r.walked::text, r.place, NULL::boolean AS more FROM taken r
UNION ALL
(SELECT ${noQueuedColumns()}, w.lane::text, w.place,
  w.place >= ${lanes} OR w.found >= ${room}
    OR EXISTS (SELECT FROM taken GROUP BY place HAVING count(*) >= (SELECT runs FROM share))
FROM walk w ORDER BY w.place DESC LIMIT 1)`
}

/** The parameters of both statements but where to begin. */
export const claimParameters = ({
  nowMillis,
  operationTypes,
  passOver,
  fullLanes,
  limit
}: Claim): ReadonlyArray<unknown> => [
  new Date(nowMillis),
  arrayOf("text", operationTypes),
  arrayOf("text", passOver),
  arrayOf("text", fullLanes.map(laneKeyOf)),
  Number(limited(limit))
]

/** What is claimed, and what the last row says. */
export interface ReadClaim {
  readonly rows: ReadonlyArray<QueuedRow>
  readonly mayHaveMore: boolean
  /** The lane the next fair claim begins behind; null when this one tells nothing about it. */
  readonly endedIn: string | null
  /** Before this place nothing waits that this claim could have seen; null when it tells nothing about it. */
  readonly first: Place | null
}

const isRun = (row: ClaimRow): row is ClaimRow & QueuedRow => row.more === null

/** Where the room was filled, lanes after the last that gave a run are left for the next claim. */
export const readClaim = (answer: ReadonlyArray<ClaimRow>, limit: number): ReadClaim => {
  const rows = answer.filter(isRun)
  const note = answer.find((row) => !isRun(row))
  const last = rows.reduce<ClaimRow | undefined>(
    (latest, row) => ((row.place ?? 0) >= (latest?.place ?? 0) ? row : latest),
    undefined
  )
  const isFilled = rows.length >= limit
  return {
    rows: rows.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    mayHaveMore: !isFilled && note?.more === true,
    endedIn: (isFilled ? last : note)?.walked ?? null,
    first:
      note === undefined || note.id === null || note.available_at === null
        ? null
        : { availableAt: new Date(note.available_at), id: note.id }
  }
}
