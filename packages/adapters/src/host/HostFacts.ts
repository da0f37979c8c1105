/**
 * `Facts` from anywhere: a host's own tables, an HTTP service, a directory. The host answers with what it knows and of when;
 * this adapter sees to it that only whole, timely and fresh answers become a reading.
 *
 * Contract section 4: "If facts cannot be read, there is no decision."
 */
import { Facts, type FactsReading, type FactsRequest, FactsUnavailable } from "@countersign/domain"
import { Cause, Clock, Effect, Exit, Layer, Option, Schema } from "effect"
import { exitWithin } from "../exitWithin.ts"
import { HostAnswer } from "./HostAnswer.ts"

/** How a host answers facts. */
export interface HostFactsOptions<R = never> {
  /** The source's name, for people: stored with every decision and named in every error. */
  readonly source: string
  /**
   * Answers each request once, in order, with an array of {@link HostAnswer}. Whatever else it does (fails, throws, hangs,
   * answers something different) means that the facts are unavailable. `signal` is aborted at the deadline.
   */
  readonly read: (
    requests: ReadonlyArray<FactsRequest>,
    signal: AbortSignal
  ) => Effect.Effect<unknown, unknown, R> | PromiseLike<unknown>
  /** The greatest age of an answer when it arrives; at least 0. It is also how far ahead the host's clock may be. */
  readonly maxAgeMillis: number
  /** How long the host may take; at least 1. Locks of the admission are held meanwhile. */
  readonly deadlineMillis: number
}

/**
 * The port `Facts`, answered by a host. Fails with `FactsUnavailable`, and runs stay queued, when an answer is too old or of
 * the future, late, missing or superfluous, or not what {@link HostAnswer} describes.
 *
 * **Gotchas**
 *
 * Revocation is as strict as the host's answer is fresh: no fence reaches outside the database, so a revocation may be
 * missed for `maxAgeMillis` and the time of the admission. Epochs of such decisions say nothing about these facts.
 *
 * Throws a `RangeError` on limits that make no sense, at start-up.
 */
const layer = <R = never>(options: HostFactsOptions<R>): Layer.Layer<Facts, never, R> => {
  checkLimit("maxAgeMillis", options.maxAgeMillis, 0)
  checkLimit("deadlineMillis", options.deadlineMillis, 1)
  return Layer.effect(
    Facts,
    Effect.map(Effect.context<R>(), (context) =>
      Facts.of({
        read: (requests) =>
          requests.length === 0 ? Effect.succeed([]) : Effect.provide(readings(options, requests), context)
      })
    )
  )
}

/** Facts that a host answers itself. */
export const HostFacts = { layer }

const checkLimit = (name: string, value: number, least: number) => {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name} must be a whole number of at least ${least}, is ${value}`)
  }
}

const readings = <R>(options: HostFactsOptions<R>, requests: ReadonlyArray<FactsRequest>) =>
  Effect.gen(function* () {
    const answers = yield* decoded(options, yield* answered(options, requests))
    if (answers.length !== requests.length) {
      return yield* unavailable(
        options,
        `it gave ${answers.length} answers to ${requests.length} requests; let it answer each request once, in order`
      )
    }
    const nowMillis = yield* Clock.currentTimeMillis
    for (const { asOfMillis } of answers) yield* fresh(options, nowMillis - asOfMillis)
    return answers.map((answer) => readingOf(options, answer))
  })

/** The host's raw answer. Waiting for one that ignores interruption would keep an admission, and its locks, past the deadline. */
const answered = <R>(options: HostFactsOptions<R>, requests: ReadonlyArray<FactsRequest>) =>
  Effect.gen(function* () {
    const { deadlineMillis } = options
    const exit = yield* exitWithin(deadlineMillis, asked(options, requests))
    if (Option.isNone(exit)) {
      return yield* unavailable(
        options,
        `it did not answer within ${deadlineMillis} ms; see whether it is up, or give it a longer deadline`
      )
    }
    return Exit.isSuccess(exit.value)
      ? exit.value.value
      : yield* unavailable(options, "it failed; the cause says how", Cause.squash(exit.value.cause))
  })

const asked = <R>({ read }: HostFactsOptions<R>, requests: ReadonlyArray<FactsRequest>) =>
  Effect.suspend((): Effect.Effect<unknown, unknown, R> => {
    const controller = new AbortController()
    const answer = read(requests, controller.signal)
    const answering = Effect.isEffect(answer) ? answer : Effect.promise(() => Promise.resolve(answer))
    return Effect.onInterrupt(answering, () => Effect.sync(() => controller.abort()))
  })

const decodeAnswers = Schema.decodeUnknownEffect(Schema.Array(HostAnswer))

const decoded = <R>(options: HostFactsOptions<R>, answer: unknown) =>
  Effect.suspend(() => decodeAnswers(answer, { onExcessProperty: "error" })).pipe(
    // What an answer computes when it is read may break.
    Effect.catchDefect(Effect.fail),
    Effect.catch((problem) =>
      unavailable(
        options,
        "its answer is not a list of facts; let it name every fact, null where nothing is known, and nothing else",
        problem
      )
    )
  )

const fresh = <R>(options: HostFactsOptions<R>, ageMillis: number) => {
  const { maxAgeMillis } = options
  if (ageMillis > maxAgeMillis) {
    return unavailable(
      options,
      `its facts are ${ageMillis} ms old and may be ${maxAgeMillis}; see what delays them, or allow a greater age`
    )
  }
  // Facts of the future would stay fresh for as long as the host's clock is wrong.
  return ageMillis < -maxAgeMillis
    ? unavailable(options, `its facts are of a time ${-ageMillis} ms ahead; set the clocks`)
    : Effect.void
}

const unavailable = <R>({ source }: HostFactsOptions<R>, advice: string, cause?: unknown) =>
  Effect.fail(new FactsUnavailable({ source, advice, cause }))

const readingOf = <R>({ source }: HostFactsOptions<R>, { facts, sources }: HostAnswer): FactsReading => ({
  facts,
  fenced: false,
  sources: sources ?? Object.fromEntries(Object.keys(facts).map((fact) => [fact, source]))
})
