/**
 * The heartbeat: renews the lease of everything in hand, and learns from it what is not ours any more (cancelled, or taken over
 * after a silence). Work whose lease could not be renewed is stopped when it ends: others may take its run from then on. With
 * the same beat running work is asked about again, so that a lost authority stops it within one heartbeat.
 *
 * Contract section 3.
 */
import { RunStore } from "@countersign/domain"
import { Clock, Deferred, Effect, Exit } from "effect"
import { FACTS_DEADLINE_MILLIS } from "./FactsReader.ts"
import { perpetually, untilDone } from "./Perpetual.ts"
import { type RecheckPorts, recheckChanged } from "./Recheck.ts"
import type { WorkerTerms } from "./WorkerTerms.ts"
import type { Work } from "./WorkInHand.ts"

/** Beats three times per lease, for ever, and watches the leases whatever becomes of the beats. */
export const runHeartbeat = <R>(terms: WorkerTerms<R>): Effect.Effect<never, never, RunStore | RecheckPorts> => {
  const { leaseMillis } = terms.limits
  const beat = Effect.andThen(
    Effect.sleep(leaseMillis / 3),
    // One that fails is made again without waiting for the next beat, and one without an answer while there is a lease to renew.
    untilDone("renewing leases", Effect.timeout(renew(terms), leaseMillis / 2))
  )
  const questions = makeQuestions(terms)
  return Effect.raceAllFirst([
    Effect.forever(beat),
    perpetually("watching leases", watch(terms)),
    // Beside the renewal: facts that cannot be read must not cost the leases. And beside each other, for the same reason.
    perpetually("asking again about running work", Effect.andThen(Effect.sleep(leaseMillis / 3), questions.together)),
    perpetually("asking again one by one", Effect.andThen(Effect.sleep(leaseMillis / 3), questions.apart))
  ])
}

/** How many of those that are asked about alone are asked about at once. */
const SIDE_BY_SIDE = 4

/**
 * Asks again about whatever can have lost its authority: all of it together, at the cost of one question. Where that has no answer,
 * because the facts of one of them cannot be read, each is asked about alone from then on, until that has an answer: nobody waits
 * for the facts of somebody else.
 *
 * What is in the middle of a chunk asks by itself when that is done, and what asks by itself right now is not held by a second
 * question, which would keep its lease waiting.
 */
const makeQuestions = <R>({ catalogue, inHand, limits }: WorkerTerms<R>) => {
  const alone = new WeakSet<Work>()
  const askable = (isAlone: boolean) =>
    inHand.all().filter((work) => work.reasonsNotToAsk === 0 && alone.has(work) === isAlone)

  const ask = Effect.fnUntraced(
    function* (works: ReadonlyArray<Work>) {
      const answers = yield* recheckChanged(works, catalogue)
      for (const { run, ended } of works) {
        const answer = answers.get(run.dispatch.id)
        // This very work, not whatever is in hand under its run's id by now.
        if (answer === "revoked" || answer === "moved_on") yield* Deferred.succeed(ended, answer)
      }
    },
    // A question without an answer must not be the last one; the facts have a deadline of their own, which comes first.
    Effect.timeout(limits.leaseMillis + FACTS_DEADLINE_MILLIS),
    Effect.exit
  )

  const together = Effect.gen(function* () {
    const works = askable(false)
    const exit = yield* ask(works)
    if (Exit.isSuccess(exit)) return
    for (const work of works) alone.add(work)
    yield* Effect.logWarning(
      `no answer about ${works.length} runs at work: they are asked about one by one`,
      exit.cause
    )
  })

  const askAlone = (work: Work) =>
    Effect.map(ask([work]), (exit) => {
      if (Exit.isSuccess(exit)) alone.delete(work)
    })
  const apart = Effect.suspend(() =>
    Effect.forEach(askable(true), askAlone, { concurrency: SIDE_BY_SIDE, discard: true })
  )
  return { together, apart }
}

const renew = Effect.fnUntraced(function* <R>({ name, limits, inHand }: WorkerTerms<R>) {
  const held = inHand.held()
  if (held.length === 0) return
  const store = yield* RunStore
  const lease = { holder: name, untilMillis: (yield* Clock.currentTimeMillis) + limits.leaseMillis }
  const stillHeld = yield* store.extendLeases(held, lease)
  for (const run of held) {
    if (stillHeld.has(run.id)) inHand.prolong(run, lease.untilMillis)
    else yield* inHand.lose(run)
  }
})

/** Ends what has no lease any more, and sleeps until the next lease ends; a new one may end soon, so never for long. */
const watch = Effect.fnUntraced(function* <R>({ limits, inHand }: WorkerTerms<R>) {
  const nowMillis = yield* Clock.currentTimeMillis
  yield* inHand.endOverdue(nowMillis)
  const millisLeft = inHand.earliestLeaseEnd() - nowMillis
  yield* Effect.sleep(millisLeft > 0 ? Math.min(millisLeft, limits.leaseMillis / 10) : limits.leaseMillis / 10)
})
