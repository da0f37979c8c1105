/**
 * Every stored decision made again: whoever doubts the record runs this, and hears of each decision that does not come out the same,
 * and of each snapshot that is not the one the decision was made from.
 *
 * Contract section 10; law `same_snapshot_same_decision`.
 */
import {
  AuditLog,
  type DecisionPosition,
  type DecisionRecord,
  type DecisionUnreadable,
  type ReplayDifference,
  replay,
  type StoreUnavailable
} from "@countersign/domain"
import { Effect, Result } from "effect"

/** A decision that does not come out the same. */
export interface Mismatch {
  readonly _tag: "Mismatch"
  readonly record: DecisionRecord
  readonly differences: ReadonlyArray<ReplayDifference>
}

/** What was found wrong with one decision. */
export type ReplayFinding = Mismatch | DecisionUnreadable

/** How many decisions were looked at so far, and how many of them were found wrong. */
export interface ReplayCount {
  readonly decisions: number
  readonly different: number
  readonly unreadable: number
}

/** How many decisions are read at once. */
const PAGE = 500

const findingsOf = (one: Result.Result<DecisionRecord, DecisionUnreadable>): ReadonlyArray<ReplayFinding> => {
  if (Result.isFailure(one)) return [one.failure]
  const differences = replay(one.success)
  return differences.length === 0 ? [] : [{ _tag: "Mismatch", record: one.success, differences }]
}

/**
 * Makes every stored decision again, page by page, so that the record may be of any length. `told` hears after each page what was
 * found wrong in it, and how far it has got.
 */
export const replayAll = Effect.fnUntraced(function* <E, R>(
  told: (findings: ReadonlyArray<ReplayFinding>, soFar: ReplayCount) => Effect.Effect<void, E, R>
): Effect.fn.Return<ReplayCount, E | StoreUnavailable, R | AuditLog> {
  const audit = yield* AuditLog
  let count: ReplayCount = { decisions: 0, different: 0, unreadable: 0 }
  let after: DecisionPosition | null = null
  do {
    const page: {
      decisions: ReadonlyArray<Result.Result<DecisionRecord, DecisionUnreadable>>
      next: DecisionPosition | null
    } = yield* audit.decisionsAfter(after, PAGE)
    const findings = page.decisions.flatMap(findingsOf)
    const different = findings.filter(({ _tag }) => _tag === "Mismatch").length
    count = {
      decisions: count.decisions + page.decisions.length,
      different: count.different + different,
      unreadable: count.unreadable + findings.length - different
    }
    yield* told(findings, count)
    after = page.next
  } while (after !== null)
  return count
})
