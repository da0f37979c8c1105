/**
 * What a host answers about one run's target and initiator. Data from outside: decoded, never trusted.
 *
 * Contract section 4.
 */
import { AuthorityFacts, FactSources } from "@countersign/domain"
import { Schema } from "effect"

/**
 * One answer. Every fact is named, and null where nothing is known: a fact that is missing because somebody mistyped its
 * name must not be taken for one that is gone, which would end the run.
 */
export const HostAnswer = Schema.Struct({
  /** The instant the facts are of, epoch milliseconds: when they were read, not when they were sent. */
  asOfMillis: Schema.Int,
  facts: AuthorityFacts,
  /** Where each fact came from, such as `{ tenant: "crm" }`; the source's name for all of them unless given. */
  sources: Schema.optionalKey(FactSources)
})
export type HostAnswer = typeof HostAnswer.Type
