/** The pure decision. */
import {
  authorize,
  type Decision,
  type Dispatch,
  decide,
  dispatch,
  QUEUED_LIMIT_MILLIS,
  type Queued,
  ReasonCode,
  RunId,
  type Snapshot
} from "@countersign/domain"
import { Effect } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import { allAllowed, CASES, mixed, NOW_MILLIS } from "./scenario.ts"

const isDenied = (decision: Decision) => decision._tag === "Denied"

/** The scenario is what it says it is, or nothing is measured. */
const checkScenario = () => {
  const denied = mixed.map(decide).filter(isDenied)
  const codes = new Set(denied.map(({ failure }) => failure.code))
  if (denied.length !== CASES / 2) throw new Error(`${denied.length} of ${CASES} are denied`)
  for (const code of ReasonCode.literals) if (!codes.has(code)) throw new Error(`no case is denied for ${code}`)
  if (allAllowed.map(decide).some(isDenied)) throw new Error("a case that should be allowed is denied")
}

const queuedFor = (snapshot: Snapshot, number: number): Queued => {
  const dispatched: Dispatch = {
    id: RunId.make(`0190163d-8694-739b-aea5-${number.toString(16).padStart(12, "0")}`),
    subject: snapshot.subject,
    actorKind: "human",
    initiatorName: null,
    payload: {},
    identity: `run ${number}`,
    maxAttempts: 3,
    priority: "normal",
    dispatchedAtMillis: NOW_MILLIS,
    expiresAtMillis: NOW_MILLIS + QUEUED_LIMIT_MILLIS,
    retryOf: null,
    slot: null
  }
  return dispatch(dispatched)
}
const mixedRuns = mixed.map(queuedFor)

/** Goes through all cases once and says how many were denied, so that nothing can be left out as unused. */
type Pass = () => number

const decideAll =
  (snapshots: ReadonlyArray<Snapshot>): Pass =>
  () => {
    let denied = 0
    for (const snapshot of snapshots) if (decide(snapshot)._tag === "Denied") denied += 1
    return denied
  }

const authorizeAll: Pass = () => {
  let denied = 0
  for (let at = 0; at < CASES; at++) {
    const run = mixedRuns[at]
    const snapshot = mixed[at]
    if (run !== undefined && snapshot !== undefined && authorize(run, snapshot)._tag === "Failure") denied += 1
  }
  return denied
}

const nanosecondsOf = (pass: Pass, passes: number): number => {
  const begun = performance.now()
  let denied = 0
  for (let count = 0; count < passes; count++) denied += pass()
  const millis = performance.now() - begun
  if (denied % passes !== 0) throw new Error("the same snapshots gave other decisions")
  return (millis * 1e6) / (passes * CASES)
}

/** Few enough decisions that the collector has no reason to run in between, or the figure would be too small. */
const PASSES_WEIGHED = 20

const bytesOf = (pass: Pass): number => {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < PASSES_WEIGHED; count++) pass()
  return Math.max(0, process.memoryUsage().heapUsed - before - WEIGHING) / (PASSES_WEIGHED * CASES)
}

/** What asking for the heap's size itself allocates. */
const WEIGHING = (() => {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  return process.memoryUsage().heapUsed - before
})()

const caseOf = (name: string, pass: Pass, passes: number): Case => ({
  name,
  measure: () =>
    Effect.sync(() => [
      { line: name, column: "ns", value: nanosecondsOf(pass, passes) },
      { line: name, column: "bytes allocated", value: bytesOf(pass) }
    ])
})

export const decideRow = (passes: number, others: ReadonlyArray<Case>): Row => {
  checkScenario()
  return {
    key: "decide",
    title: "The pure decision",
    unit: "per decision",
    remark: `${CASES} snapshots of ${CASES} people; mixed: half of them denied, for all ${ReasonCode.literals.length} reason codes equally often. Names are shared and facts have one shape, as our readers of rows leave them.`,
    cases: [
      caseOf("decide, mixed", decideAll(mixed), passes),
      caseOf("decide, all allowed", decideAll(allAllowed), passes),
      caseOf("authorize, mixed", authorizeAll, passes),
      ...others
    ]
  }
}
