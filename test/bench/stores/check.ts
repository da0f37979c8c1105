/** What a drain must have left in a database. */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { NotRight, type Stage } from "./Store.ts"
import { ARCHIVED, TENANTS_PER_WORKSPACE } from "./world.ts"

/** Whether runs are to be decided about and audited. */
export type Gate = "kept" | "left out"

interface Found {
  readonly runs: number
  readonly wrong_state: number
  readonly wrong_decisions: number
  readonly wrong_audit: number
  readonly wrong_notices: number
}

/** What a run leaves behind at each stage, with the gate and without: its state, decisions, and audit records, as SQL. */
interface Traces {
  readonly state: string
  readonly decisions: number
  readonly audit: string
}

const traces: Readonly<Record<Gate, Readonly<Record<Stage, Traces>>>> = {
  kept: {
    dispatched: { state: "r.outcome = 'pending' AND r.status = 'queued'", decisions: 0, audit: "1" },
    admitted: {
      state: "CASE WHEN archived THEN r.outcome = 'blocked' ELSE r.status = 'running' END",
      decisions: 1,
      audit: "3"
    },
    completed: {
      state: "r.outcome = CASE WHEN archived THEN 'blocked' ELSE 'succeeded' END",
      decisions: 1,
      audit: "CASE r.outcome WHEN 'succeeded' THEN 4 ELSE 3 END"
    }
  },
  "left out": {
    dispatched: { state: "r.outcome = 'pending' AND r.status = 'queued'", decisions: 0, audit: "1" },
    admitted: { state: "r.status = 'running'", decisions: 0, audit: "1" },
    completed: { state: "r.outcome = 'succeeded'", decisions: 0, audit: "1" }
  }
}

/** Runs that are done with their stage are told by their status: whatever is still queued is backlog. */
const checking = (stage: Stage, { state, decisions, audit }: Traces) => `SELECT count(*)::integer AS runs,
  count(*) FILTER (WHERE (${state}) IS NOT TRUE)::integer AS wrong_state,
  count(*) FILTER (WHERE (SELECT count(*) FROM countersign.decisions d WHERE d.run_id = r.id)
    <> ${decisions})::integer AS wrong_decisions,
  count(*) FILTER (WHERE (SELECT count(*) + count(a.decided) FROM countersign.audit_records a WHERE a.run_id = r.id)
    <> ${audit})::integer AS wrong_audit,
  count(*) FILTER (WHERE (SELECT count(*) FROM countersign.notices n WHERE n.run_id = r.id)
    <> CASE WHEN r.status = 'completed' THEN 1 ELSE 0 END)::integer AS wrong_notices
FROM (SELECT *, substr(tenant_id, 8)::integer % ${TENANTS_PER_WORKSPACE} IN (${ARCHIVED.join(", ")}) AS archived
  FROM countersign.runs WHERE identity NOT LIKE 'finished/%'
  ${stage === "dispatched" ? "" : "AND status <> 'queued'"}) AS r`

/** Fails unless exactly so many runs have come to this stage, each with everything that belongs to it; see `Filled`. */
export const check = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  stage: Stage,
  runs: number,
  gate: Gate = "kept"
) {
  const [found] = yield* sql.unsafe<Found>(checking(stage, traces[gate][stage]))
  const right = { runs, wrong_state: 0, wrong_decisions: 0, wrong_audit: 0, wrong_notices: 0 }
  if (found === undefined || JSON.stringify(found) !== JSON.stringify(right)) {
    return yield* new NotRight({ message: `the drain is not right: ${JSON.stringify(found)}, expected ${runs} runs` })
  }
})
