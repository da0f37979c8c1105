/** What a worker says of the runs it has, each under its admission: whoever has lost one is not heard. */
import type { CountsReport, HeldRun, Lease, RunId } from "@countersign/domain"
import { arraysOf, type Column, column, fromArrays } from "./Cells.ts"

const heldColumns: ReadonlyArray<Column<HeldRun>> = [
  column("id", "uuid", ({ id }) => id),
  column("admission", "integer", ({ admission }) => admission)
]

const reportColumns: ReadonlyArray<Column<CountsReport>> = [
  ...heldColumns,
  column("counts", "jsonb", ({ counts }) => JSON.stringify(counts))
]

const isStillHeld = "r.id = h.id AND r.admission = h.admission AND r.status = 'running'"

/** In the order of ids, so that two who hold or change the same runs meet at the first of them; the last of equal ones. */
const ordered = <R extends HeldRun>(held: ReadonlyArray<R>): ReadonlyArray<R> =>
  [...new Map(held.map((one): [string, R] => [`${one.id} ${one.admission}`, one])).values()].sort((a, b) =>
    compare(a.id, b.id)
  )

const compare = (a: RunId, b: RunId) => (a < b ? -1 : 1)

/** The order of the array is not that of the update: no planner promises it. So the runs are locked in order first. */
const locking = (q: string, values: string, columns: string) => `WITH still AS MATERIALIZED (
  SELECT ${columns} FROM ${values} JOIN ${q}.runs r ON ${isStillHeld} ORDER BY r.id FOR NO KEY UPDATE OF r
)`

/** Prolongs leases; answers the ids of the runs still held. */
export const extending = (
  q: string
) => `${locking(q, fromArrays(heldColumns, 3, "h"), "r.id, r.lease_holder = $1 AS is_mine")}
UPDATE ${q}.runs AS r SET lease_until = $2 FROM still s WHERE r.id = s.id AND s.is_mine RETURNING r.id`

/** The parameters of {@link extending}. */
export const extendingParameters = (held: ReadonlyArray<HeldRun>, { holder, untilMillis }: Lease) => [
  holder,
  new Date(untilMillis),
  ...arraysOf(heldColumns, ordered(held))
]

/** Holds running runs, waiting for whoever holds them; answers these columns of those that are running still. */
export const holdingRunning = (q: string, columns: string) => `SELECT ${columns}
FROM ${fromArrays(heldColumns, 1, "h")} JOIN ${q}.runs r ON ${isStillHeld} ORDER BY r.id FOR UPDATE OF r`

/** The parameters of {@link holdingRunning}. */
export const holdingParameters = (held: ReadonlyArray<HeldRun>) => arraysOf(heldColumns, ordered(held))

/** Replaces counts. No index holds them, so that the new version of a row stays on its page. */
export const saving = (
  q: string
) => `${locking(q, fromArrays(reportColumns, 1, "h"), "r.id, h.counts::jsonb AS counts")}
UPDATE ${q}.runs AS r SET counts = s.counts FROM still s WHERE r.id = s.id`

/** The parameters of {@link saving}. */
export const savingParameters = (reports: ReadonlyArray<CountsReport>) => arraysOf(reportColumns, ordered(reports))
