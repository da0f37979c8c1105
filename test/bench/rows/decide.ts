/** The pure decision. */
import { ReasonCode } from "@countersign/domain"
import { Effect } from "effect"
import { openContender } from "../harness/peer.ts"
import type { Case, Row } from "../harness/Row.ts"
import { CASES } from "./scenario.ts"

/** Few enough decisions that the collector has no reason to run in between, or the figure would be too small. */
const PASSES_WEIGHED = 20

/** `passes` is how often all cases are gone through. */
export const decideRow = Effect.fnUntraced(function* (passes: number, others: ReadonlyArray<Case>) {
  const ours = yield* openContender("decide", [])
  const caseOf = (name: string): Case => ({
    name,
    measure: Effect.fnUntraced(function* () {
      return [
        { line: name, column: "ns", value: yield* ours.ask(`${name}: ns`, passes) },
        { line: name, column: "bytes allocated", value: yield* ours.ask(`${name}: bytes`, PASSES_WEIGHED) }
      ]
    })
  })
  const row: Row = {
    key: "decide",
    title: "The pure decision",
    unit: "per decision",
    remark: `${CASES} snapshots of ${CASES} people; mixed: half of them denied, for all ${ReasonCode.literals.length} reason codes equally often. Names are shared and facts have one shape, as our readers of rows leave them. Each library in a process of its own, and the median of its passes.`,
    cases: [caseOf("decide, mixed"), caseOf("decide, all allowed"), caseOf("authorize, mixed"), ...others]
  }
  return row
})
