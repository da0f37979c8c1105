/**
 * What a host says to have something done: which operation, for which target, on whose authority, with which payload.
 *
 * Contract sections 2 and 3.
 */
import type { ActorKind, Operation, Priority, RunId } from "@countersign/domain"
import { Schema } from "effect"

/** On whose authority. A person's run names the person; a system run says so, and its operation must declare it. */
export type RequestedAuthority =
  | { readonly initiator: string; readonly initiatorName?: string }
  | { readonly systemAuthority: true; readonly actorKind?: Exclude<ActorKind, "human"> }

/** Where the run acts. Ids are the host's own strings. */
export interface RequestedTarget {
  readonly workspaceId: string
  readonly tenantId?: string | null
  readonly providerConnectionId?: string | null
}

interface Common {
  /** A UUIDv7 of the caller's; made for them when left out. */
  readonly runId?: RunId
  /** Epoch milliseconds; the run is not taken before. At once when left out. */
  readonly availableAtMillis?: number
  /** Epoch milliseconds; a run that still waits then is given up. By the operation's limit when left out. */
  readonly expiresAtMillis?: number
  /** That of the operation when left out. */
  readonly priority?: Priority
  /** The run that this one does again. */
  readonly retryOf?: RunId
}

/** A dispatch but for what is to be done. */
export type RequestedTerms = RequestedAuthority & RequestedTarget & Common

/** A dispatch of a declared operation, payload typed. */
export type DispatchRequest<Payload> = RequestedTerms & {
  readonly operation: Operation<Payload, unknown>
  readonly payload: NoInfer<Payload>
}

/** A dispatch by wire name, payload as JSON: for command lines and outside callers. */
export type UntypedDispatchRequest = RequestedTerms & { readonly operationType: string; readonly payload: unknown }

/** Why a dispatch is refused; nothing was written. */
export const RefusalReason = Schema.Literals([
  "unknown_operation",
  "payload_invalid",
  "payload_too_large",
  "id_invalid",
  "time_invalid",
  "priority_invalid",
  "system_authority_not_declared"
])
export type RefusalReason = typeof RefusalReason.Type

/** The dispatch was refused and nothing was stored; `advice` says what to do about it. */
export class DispatchRefused extends Schema.TaggedError<DispatchRefused>()("DispatchRefused", {
  reason: RefusalReason,
  /** What is wrong and what to do about it, for a person. */
  advice: Schema.String
}) {
  override get message() {
    return `dispatch refused (${this.reason}): ${this.advice}`
  }
}

/** Why one of several requests is refused: as one that comes alone, or as one of many. */
export const RequestRefusalReason = Schema.Literals([...RefusalReason.literals, "request_invalid", "too_many"])
export type RequestRefusalReason = typeof RequestRefusalReason.Type

/** One request that was refused: which one, counted from 0, why, and what to do about it. */
export const RequestRefusal = Schema.Struct({
  at: Schema.Int,
  reason: RequestRefusalReason,
  advice: Schema.String
})
export type RequestRefusal = typeof RequestRefusal.Type

/** Dispatches that were asked for together are refused together: nothing of them was stored. */
export class DispatchAllRefused extends Schema.TaggedError<DispatchAllRefused>()("DispatchAllRefused", {
  /** How many requests were given, and how many of them are wrong. */
  given: Schema.Int,
  wrong: Schema.Int,
  /** The first of those that are wrong, in the order given; at most {@link REFUSALS_LISTED}. */
  refusals: Schema.NonEmptyArray(RequestRefusal)
}) {
  override get message() {
    const [{ at, reason, advice }] = this.refusals
    return `dispatch refused, nothing is stored: ${this.wrong} of ${this.given} requests are wrong; the first, at index ${at} (${reason}): ${advice}`
  }
}

/** How many refusals one answer lists. */
export const REFUSALS_LISTED = 100
