/**
 * Reading facts for a decision: one reading for each request, within a deadline, or none at all. A source may be anybody's
 * code: whatever goes wrong in it means that the facts could not be read.
 *
 * Contract section 4: if facts cannot be read, there is no decision.
 */
import { Facts, type FactsReading, type FactsRequest, FactsUnavailable } from "@countersign/domain"
import { Cause, Effect } from "effect"

/** How long facts may take, in milliseconds: whoever asks holds the runs and their workspaces' fence. */
export const FACTS_DEADLINE_MILLIS = 10_000

const unavailable = (advice: string, cause: unknown) => new FactsUnavailable({ source: "the host", advice, cause })

/** Readings in the order of the requests. */
export const readFacts = (
  requests: ReadonlyArray<FactsRequest>
): Effect.Effect<ReadonlyArray<FactsReading>, FactsUnavailable, Facts> =>
  Effect.flatMap(Facts, (facts) => Effect.suspend(() => facts.read(requests))).pipe(
    Effect.timeoutOrElse({
      duration: FACTS_DEADLINE_MILLIS,
      orElse: () => Effect.fail(unavailable(`they took longer than ${FACTS_DEADLINE_MILLIS} ms`, undefined))
    }),
    Effect.catchCause((cause) => {
      const problem = Cause.squash(cause)
      return Effect.fail(problem instanceof FactsUnavailable ? problem : unavailable("their source broke", problem))
    }),
    Effect.filterOrFail(
      (readings) => readings.length === requests.length,
      (readings) => unavailable(`${requests.length} readings were asked for, ${readings.length} given`, undefined)
    )
  )
