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

/** A dispatch of a declared operation, payload typed. */
export type DispatchRequest<Payload> = RequestedAuthority &
  RequestedTarget &
  Common & { readonly operation: Operation<Payload, unknown>; readonly payload: Payload }

/** A dispatch by wire name, payload as JSON: for command lines and outside callers. */
export type UntypedDispatchRequest = RequestedAuthority &
  RequestedTarget &
  Common & { readonly operationType: string; readonly payload: unknown }

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
