/** Type laws of the lifecycle; checked by the compiler, not run. A line below each `@ts-expect-error` must not compile. */
import {
  authorize,
  type Blocked,
  block,
  type Cancelled,
  cancel,
  type Denial,
  decide,
  expire,
  type Failed,
  hold,
  type Permit,
  type Queued,
  type Run,
  type Running,
  revoke,
  type Snapshot,
  type Succeeded,
  start,
  succeed,
  transition
} from "@countersign/domain"
import type { Result } from "effect"

declare const queued: Queued
declare const running: Running
declare const blocked: Blocked
declare const failed: Failed
declare const cancelled: Cancelled
declare const succeeded: Succeeded
declare const run: Run
declare const permit: Permit
declare const denial: Denial
declare const snapshot: Snapshot
declare const ruling: Result.Result<Permit, Denial>

// ---- what compiles: one way in

start(queued, permit)
block(queued, denial)
hold(queued, denial, 0)
revoke(running, denial, {})

// ---- no_running_without_permit

// @ts-expect-error no start without a permit
start(queued)
// @ts-expect-error a denial is no permit
start(queued, denial)
// @ts-expect-error a decision is no permit
start(queued, decide(snapshot))
// @ts-expect-error a ruling that was not looked at is no permit
start(queued, ruling)
// @ts-expect-error nothing is no permit
start(queued, null)
// @ts-expect-error nor does the event start a run without one
transition(queued, { _tag: "Start" })
// @ts-expect-error nor with a denial
transition(queued, { _tag: "Start", permit: denial })

// ---- no permit by hand

// @ts-expect-error its seal cannot be written
const written: Permit = { _tag: "Permit", runId: queued.dispatch.id, admission: 1, decision: permit.decision, snapshot }
// @ts-expect-error nor copied
const copied: Permit = { ...permit }
// @ts-expect-error nor taken from a denial
const turned: Permit = denial
// @ts-expect-error a permit does not change its admission
permit.admission = 2

// ---- no start of a run that is not queued

// @ts-expect-error blocked is final
start(blocked, permit)
// @ts-expect-error a running run is started already
start(running, permit)
// @ts-expect-error terminal states absorb
start(succeeded, permit)
// @ts-expect-error terminal states absorb
start(failed, permit)
// @ts-expect-error terminal states absorb
start(cancelled, permit)
// @ts-expect-error it must be known to be queued
start(run, permit)

// ---- the other edges leave the state they are of

// @ts-expect-error only a queued run is blocked; a running one is revoked
block(running, denial)
// @ts-expect-error only a running run is revoked
revoke(queued, denial, {})
// @ts-expect-error a permit blocks nothing
block(queued, permit)
// @ts-expect-error nor does it hold anything
hold(queued, permit, 0)
// @ts-expect-error a running run is not held; it is revoked
hold(running, denial, 0)
// @ts-expect-error blocked is final: it is not held afterwards
hold(blocked, denial, 0)
// @ts-expect-error held until when?
hold(queued, denial)
// @ts-expect-error what waits has nothing to report
succeed(queued, { _tag: "Succeed", admission: 1, atMillis: 0, counts: {}, result: null })
// @ts-expect-error what is over is not cancelled
cancel(blocked, { _tag: "Cancel", by: { kind: "human", id: null }, atMillis: 0 })
// @ts-expect-error what runs does not expire
expire(running, { _tag: "Expire", atMillis: 0 })
// @ts-expect-error nothing is asked about a run that is over
authorize(blocked, snapshot)

// ---- a state and its fields cannot disagree

// @ts-expect-error a running run has started
const neverStarted: Running = { ...running, startedAtMillis: null }
// @ts-expect-error only a queued run is held
running.held
// @ts-expect-error held without a reason
const heldForNothing: Queued = { ...queued, held: { sinceMillis: 0 } }
// @ts-expect-error a queued run has no end
queued.completedAtMillis
// @ts-expect-error a run is not brought into a state by hand, it moves
running._tag = "Succeeded"

export { copied, heldForNothing, neverStarted, turned, written }
