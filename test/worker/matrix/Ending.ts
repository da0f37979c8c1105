/** How a cell's run ended, with nothing in it that differs from one store to the other; and how the contract says it ends. */
import { AuditLog, type Notice, onTheWire, type RunId } from "@countersign/domain"
import { Effect } from "effect"
import type { Cell } from "./Cell.ts"
import { checksWhenAllowed, checksWhenDenied, codes, DENIED, type Expected } from "./contract.ts"
import type { StoredRow } from "./StoredRows.ts"

/** What the handlers of a play saw. */
export interface Seen {
  /** The runs each handler was called for, in order. */
  readonly called: ReadonlyArray<RunId>
  /** Those that were let past their checkpoint. */
  readonly wentOn: ReadonlyArray<RunId>
  readonly notices: ReadonlyArray<Notice>
}

/** The ending of one run. */
export interface Ending {
  readonly status: string
  readonly outcome: string
  readonly started: boolean
  readonly completed: boolean
  readonly attempt: number
  readonly counts: unknown
  readonly context: unknown
  readonly failureSummary: unknown
  readonly calls: number
  readonly wentOn: boolean
  readonly notices: ReadonlyArray<readonly [recipient: string, outcome: string]>
  /** Action, outcome, code, and whether the record names its decision. */
  readonly audit: ReadonlyArray<readonly [string, string, string | null, boolean]>
  /** Every decision on the wire. */
  readonly decisions: ReadonlyArray<unknown>
}

const timesOf = (id: RunId, ids: ReadonlyArray<RunId>): number => ids.filter((each) => each === id).length

/** What became of a run. */
export const endingOf = Effect.fnUntraced(function* (
  id: RunId,
  row: StoredRow | undefined,
  { called, wentOn, notices }: Seen
) {
  if (row === undefined) return yield* Effect.die(new Error(`run ${id} is not stored`))
  const log = yield* AuditLog
  const decisions = yield* log.decisionsOf(id)
  const known = new Set(decisions.map((decision) => decision.id))
  const ending: Ending = {
    status: row.status,
    outcome: row.outcome,
    started: row.started,
    completed: row.completed,
    attempt: row.attempt,
    counts: row.counts,
    context: row.context,
    failureSummary: row.failure_summary,
    calls: timesOf(id, called),
    wentOn: timesOf(id, wentOn) > 0,
    notices: notices.filter(({ runId }) => runId === id).map(({ recipient, outcome }) => [recipient, outcome]),
    audit: (yield* log.recordsOf(id)).map(({ action, outcome, code, decisionId }) => [
      action,
      outcome,
      code,
      decisionId !== null && known.has(decisionId)
    ]),
    decisions: decisions.map(({ decision, snapshot }) =>
      JSON.parse(JSON.stringify(onTheWire(snapshot.subject, decision)))
    )
  }
  return ending
})

/** Whether the change comes while the run waits, or while its handler is at work. */
export type Part = "waiting" | "at work"

/** The wire object of section 5. */
const wireOf = ({ family, change, ...cell }: Cell, denial: Cell["change"]["denial"]) => {
  const person = family.actor !== null
  const code = denial === null ? null : codes[denial.code]
  return {
    operation_type: family.operation.type,
    authority_mode: person ? "actor_bound" : "system_authority",
    allowed: denial === null,
    retryable: code?.[2] ?? false,
    reason_code: denial?.code ?? null,
    denial_class: code?.[1] ?? null,
    initiator: person ? { identity_type: "user", user_id: cell.userId } : { identity_type: "system", user_id: null },
    target_scope: {
      workspace_id: cell.workspaceId,
      tenant_id: cell.tenantId,
      provider_connection_id: change.when === "dispatch" ? null : cell.connectionId
    },
    checks: code === null ? checksWhenAllowed(person) : checksWhenDenied(code[0], person)
  }
}

/** The counts a handler reports before its checkpoint: each that its operation declares. */
export const countsOf = ({ family }: Cell): Readonly<Record<string, number>> =>
  Object.fromEntries(family.operation.countKeys.map((key) => [key, 3]))

/**
 * What the contract demands of the cell. The words for people are whatever the presenter says: `words` is what stands in their
 * place, once it is known that there are some.
 */
export const endingByContract = (cell: Cell, part: Part, expected: Expected, words: string): Ending => {
  const denial = expected === DENIED ? cell.change.denial : null
  const atWork = part === "at work"
  const outcome = denial === null ? "succeeded" : "blocked"
  const started = atWork || denial === null
  const decided = ["run.decided", "info", null, true] as const
  const start = ["run.started", "info", null, true] as const
  const end =
    denial === null
      ? ([["run.succeeded", "success", null, false]] as const)
      : ([
          ["run.decided", "blocked", denial.code, true],
          [atWork ? "run.revoked" : "run.blocked", "blocked", denial.code, true]
        ] as const)
  return {
    status: "completed",
    outcome,
    started,
    completed: true,
    attempt: 1,
    counts: started ? countsOf(cell) : {},
    context:
      denial === null
        ? null
        : {
            blocked_by: "queued_execution_legitimacy",
            reason_code: denial.code,
            execution_legitimacy: wireOf(cell, denial),
            next_steps: words,
            detail_code: denial.detail,
            detail_about: denial.about
          },
    failureSummary: denial === null ? null : [{ code: denial.code, message: words }],
    calls: started ? 1 : 0,
    wentOn: denial === null,
    notices: cell.family.actor === null ? [] : [[cell.userId, outcome]],
    audit: [
      ["run.dispatched", "info", null, false],
      ...(started ? [decided, start] : []),
      ...(atWork && denial === null ? [decided] : []),
      ...end
    ],
    decisions: [...(atWork ? [wireOf(cell, null)] : []), wireOf(cell, denial)]
  }
}
