/**
 * `decide`, in a process of its own as CASL is: how V8 compiles a function depends on what it has seen before, and a worker does not come
 * upon the shapes of every store and every row of this bench.
 */
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
import { collectGarbage } from "../harness/memory.ts"
import { nanosecondsOf, type Pass } from "../harness/passes.ts"
import { serve } from "../harness/serve.ts"
import { allAllowed, CASES, mixed, NOW_MILLIS } from "../rows/scenario.ts"

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

/** A loop of its own for each, so that neither is compiled for what the other has seen. */
const decideMixed: Pass = () => {
  let denied = 0
  for (const snapshot of mixed) if (decide(snapshot)._tag === "Denied") denied += 1
  return denied
}

const decideAllowed: Pass = () => {
  let denied = 0
  for (const snapshot of allAllowed) if (decide(snapshot)._tag === "Denied") denied += 1
  return denied
}

const authorizeMixed: Pass = () => {
  let denied = 0
  for (let at = 0; at < CASES; at++) {
    const run = mixedRuns[at]
    const snapshot = mixed[at]
    if (run !== undefined && snapshot !== undefined && authorize(run, snapshot)._tag === "Failure") denied += 1
  }
  return denied
}

/** What asking for the heap's size itself allocates. */
const WEIGHING = (() => {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  return process.memoryUsage().heapUsed - before
})()

const bytesOf = (pass: Pass, passes: number): number => {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < passes; count++) pass()
  return Math.max(0, process.memoryUsage().heapUsed - before - WEIGHING) / (passes * CASES)
}

const MIXED = { cases: CASES, denied: CASES / 2 }
checkScenario()
serve({
  "decide, mixed: ns": async (passes) => nanosecondsOf(decideMixed, passes, MIXED),
  "decide, mixed: bytes": async (passes) => bytesOf(decideMixed, passes),
  "decide, all allowed: ns": async (passes) => nanosecondsOf(decideAllowed, passes, { cases: CASES, denied: 0 }),
  "decide, all allowed: bytes": async (passes) => bytesOf(decideAllowed, passes),
  "authorize, mixed: ns": async (passes) => nanosecondsOf(authorizeMixed, passes, MIXED),
  "authorize, mixed: bytes": async (passes) => bytesOf(authorizeMixed, passes)
})
