/** Runs in every state and every event, as the machine itself makes them. */
import {
  type AuthorityFacts,
  authorize,
  type Counts,
  type Denial,
  type Dispatch,
  dispatch,
  NOTHING_KNOWN,
  type Permit,
  type Queued,
  type Run,
  type RunEvent,
  type Running,
  type RunState,
  transition
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Result } from "effect"
import { connection, dispatched, NOW_MILLIS, requirements, snapshotWith } from "./fixtures.ts"

/** The event is legal here, or the test is wrong. */
export const moved = (run: Run, event: RunEvent): Run => {
  const after = transition(run, event)
  if (Result.isFailure(after)) assert.fail(after.failure.message)
  return after.success
}

/** A permit for this run as it stands. */
export const permitFor = (run: Queued | Running, atMillis = NOW_MILLIS): Permit => {
  const ruling = authorize(run, {
    ...snapshotWith(),
    requirements: { ...requirements, systemAuthority: true },
    takenAtMillis: atMillis,
    subject: run.dispatch.subject
  })
  if (Result.isFailure(ruling)) assert.fail("the snapshot is one that allows")
  return ruling.success
}

/** A denial of this run as it stands, from these facts. */
const denialFrom = (run: Queued | Running, changed: Partial<AuthorityFacts>, atMillis: number): Denial => {
  const ruling = authorize(run, {
    ...snapshotWith(changed),
    requirements: { ...requirements, systemAuthority: true },
    takenAtMillis: atMillis,
    subject: run.dispatch.subject
  })
  if (Result.isSuccess(ruling)) assert.fail("the snapshot is one that denies")
  return ruling.failure
}

/** A denial of this run as it stands: nothing is known of anything. */
export const denialFor = (run: Queued | Running, atMillis = NOW_MILLIS): Denial =>
  denialFrom(run, NOTHING_KNOWN, atMillis)

/** A denial for a reason that may pass: the provider connection is disabled. */
export const passingDenialFor = (run: Queued | Running, atMillis = NOW_MILLIS): Denial =>
  denialFrom(run, { connection: { ...connection, enabled: false } }, atMillis)

/** How long a held run waits in these tests before it is asked about again. */
export const RETRY_MILLIS = 30_000

export const queuedRun = (changed: Partial<Dispatch> = {}): Queued => dispatch(dispatched(changed))

/** A run that its first admission held. */
export const heldRun = (changed: Partial<Dispatch> = {}): Queued => {
  const queued = queuedRun(changed)
  const denial = passingDenialFor(queued)
  const run = moved(queued, { _tag: "Hold", denial, retryAtMillis: NOW_MILLIS + RETRY_MILLIS })
  if (run._tag !== "Queued") assert.fail("a held run stays queued")
  return run
}

export const runningRun = (changed: Partial<Dispatch> = {}): Running => {
  const queued = queuedRun(changed)
  const run = moved(queued, { _tag: "Start", permit: permitFor(queued) })
  if (run._tag !== "Running") assert.fail("a started run runs")
  return run
}

const counts: Counts = { deleted: 7 }
const failure = { code: "provider.timeout", message: "The provider did not answer in time." }

/** What an attempt of this admission can report, and what can happen to it. */
export const reportsOf = (admission: number, atMillis = NOW_MILLIS + 1000) =>
  ({
    Succeed: { _tag: "Succeed", admission, atMillis, counts, result: { done: true } },
    PartiallySucceed: { _tag: "PartiallySucceed", admission, atMillis, counts, result: null, failures: [failure] },
    Fail: { _tag: "Fail", admission, atMillis, counts, failure },
    FailAttempt: { _tag: "FailAttempt", admission, atMillis, counts, failure, retryAtMillis: atMillis + 5000 },
    Release: { _tag: "Release", admission, atMillis, counts },
    LoseLease: { _tag: "LoseLease", admission, atMillis, retryAtMillis: atMillis + 9000 }
  }) as const satisfies Partial<Record<RunEvent["_tag"], RunEvent>>

/** One event of each kind, true for this run as far as an event of that kind can be. */
export const eventsFor = (run: Queued | Running): Readonly<Record<RunEvent["_tag"], RunEvent>> => ({
  ...reportsOf(run.admission),
  Start: { _tag: "Start", permit: permitFor(run) },
  Block: { _tag: "Block", denial: denialFor(run) },
  Hold: { _tag: "Hold", denial: passingDenialFor(run), retryAtMillis: NOW_MILLIS + RETRY_MILLIS },
  Revoke: { _tag: "Revoke", denial: denialFor(run), counts },
  Cancel: { _tag: "Cancel", by: { kind: "human", id: "operator" }, atMillis: NOW_MILLIS + 1000 },
  Expire: { _tag: "Expire", atMillis: NOW_MILLIS + 1000 }
})

/** One run in each state. */
export const runIn = (state: RunState, changed: Partial<Dispatch> = {}): Run => {
  const queued = queuedRun(changed)
  const running = runningRun(changed)
  const { Succeed, PartiallySucceed, Fail, Revoke, Cancel } = eventsFor(running)
  switch (state) {
    case "Queued":
      return queued
    case "Running":
      return running
    case "Succeeded":
      return moved(running, Succeed)
    case "PartiallySucceeded":
      return moved(running, PartiallySucceed)
    case "Failed":
      return moved(running, Fail)
    case "Blocked":
      return moved(running, Revoke)
    case "Cancelled":
      return moved(running, Cancel)
  }
}

/** Something else, called a permit or a denial or a run: what a forced cast lets through. */
export const forced = <A>(value: unknown): A => {
  // @ts-expect-error the types do not let it through; here it is forced
  return value
}
