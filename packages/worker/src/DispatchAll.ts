/**
 * Dispatch of many runs together: all of them are stored or none, with one wake-up. Each is checked as one that comes alone.
 *
 * Contract sections 3 and 8.
 */
import type { Dispatched, FirstStep, StoreUnavailable } from "@countersign/domain"
import { Array as Arrays, Clock, Effect, Result } from "effect"
import { SecureRandom } from "effect/crypto"
import { type Checked, type DispatchTerms, firstStepOf, firstStepOfTyped, type Occasion } from "./DispatchChecks.ts"
import type { DispatchPorts } from "./Dispatcher.ts"
import {
  DispatchAllRefused,
  type DispatchRequest,
  REFUSALS_LISTED,
  type RequestRefusal,
  type UntypedDispatchRequest
} from "./DispatchRequest.ts"
import { storeAllEnqueued } from "./Enqueueing.ts"

/** The most requests that are taken at once: they are stored by one transaction. */
export const DISPATCHES_MAX = 100_000

/** After so many requests the process may do something else. */
const CHECKED_IN_A_ROW = 1_000

/** Requests of declared operations, each with the payload of its own. */
export type DispatchRequests<Payloads extends ReadonlyArray<unknown>> = {
  readonly [At in keyof Payloads]: DispatchRequest<Payloads[At]>
}

type PreparedAll = Effect.Effect<ReadonlyArray<FirstStep>, DispatchAllRefused, SecureRandom.SecureRandom>
type StoredAll = Effect.Effect<ReadonlyArray<Dispatched>, DispatchAllRefused | StoreUnavailable, DispatchPorts>

/** Stores a queued run for each request, all or none; answers in their order, as each would have been answered alone. */
export const dispatchAllUntyped = (terms: DispatchTerms, requests: ReadonlyArray<UntypedDispatchRequest>): StoredAll =>
  Effect.flatMap(
    preparedAll(requests, (request, occasion) => firstStepOf(terms, request, occasion)),
    (steps) => storeAllEnqueued(steps, terms.queue)
  )

/** The same for declared operations, with their payloads typed. */
export const dispatchAllTyped = <Payloads extends ReadonlyArray<unknown>>(
  terms: DispatchTerms,
  requests: DispatchRequests<Payloads>
): StoredAll => Effect.flatMap(prepareAllTyped(terms, requests), (steps) => storeAllEnqueued(steps, terms.queue))

/** The first steps of such runs; for hosts that store them through a connection of their own. */
export const prepareAllTyped = <Payloads extends ReadonlyArray<unknown>>(
  terms: DispatchTerms,
  requests: DispatchRequests<Payloads>
): PreparedAll => preparedAll(requests, (request, occasion) => firstStepOfTyped(terms, request, occasion))

const preparedAll = <Request>(
  given: ReadonlyArray<Request>,
  check: (request: Request, occasion: Occasion) => Checked<FirstStep>
): PreparedAll =>
  Effect.gen(function* () {
    if (given.length > DISPATCHES_MAX) return yield* tooMany(given.length)
    const random = yield* SecureRandom.SecureRandom
    const nowMillis = yield* Clock.currentTimeMillis
    const steps: Array<FirstStep> = []
    const refusals: Array<RequestRefusal> = []
    // What the caller does to the list meanwhile is not for us.
    const requests = [...given]
    let wrong = 0
    for (const [at, request] of requests.entries()) {
      if (at % CHECKED_IN_A_ROW === CHECKED_IN_A_ROW - 1) yield* Effect.yieldNow
      const occasion = { nowMillis, freshId: yield* random.uuidV7(), slot: null }
      const checked = whateverItIs(() => check(request, occasion))
      if (Result.isSuccess(checked)) steps.push(checked.success)
      else {
        wrong += 1
        if (refusals.length < REFUSALS_LISTED) refusals.push({ at, ...checked.failure })
      }
    }
    if (Arrays.isArrayNonEmpty(refusals)) {
      return yield* new DispatchAllRefused({ given: requests.length, wrong, refusals })
    }
    return steps
  })

/** A caller without types may hand over anything; what cannot even be read is refused with its place. */
const whateverItIs = (check: () => Checked<FirstStep>): Result.Result<FirstStep, Omit<RequestRefusal, "at">> => {
  try {
    return Result.mapError(check(), ({ reason, advice }) => ({ reason, advice }))
  } catch (problem) {
    const why = problem instanceof Error ? problem.message : "it cannot be read"
    return Result.fail({ reason: "request_invalid", advice: `that is no request: ${why}` })
  }
}

const tooMany = (given: number) =>
  new DispatchAllRefused({
    given,
    wrong: given - DISPATCHES_MAX,
    refusals: [
      {
        at: DISPATCHES_MAX,
        reason: "too_many",
        advice: `at most ${DISPATCHES_MAX} are dispatched at once; dispatch the others after them`
      }
    ]
  })
