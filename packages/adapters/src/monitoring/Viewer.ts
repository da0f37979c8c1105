/**
 * Port: who is looking. A host that has sessions answers it from them; adapters for a signed token and for a trusted proxy are in
 * `identity`.
 *
 * Contract section 9.
 */
import type { UserId } from "@countersign/domain"
import { Context, type Effect, Schema } from "effect"

/** The person who looks, as whoever vouches for them says. What they may see follows from the facts, never from here. */
export interface Viewer {
  readonly userId: UserId
  /** For the page's head; null when only the id is known. */
  readonly name: string | null
  /** Until when they are known to be that person, epoch milliseconds; null when nothing ends it. */
  readonly untilMillis: number | null
}

/** What of a request may say who is looking. */
export interface Asking {
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly cookies: Readonly<Record<string, string | undefined>>
  /** The address at the other end of the connection; null where that is not known. */
  readonly peerAddress: string | null
}

/** Nobody can be recognised at the moment, such as when the keys of a token cannot be fetched. */
export class IdentityUnavailable extends Schema.TaggedError<IdentityUnavailable>()("IdentityUnavailable", {
  advice: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `viewers cannot be recognised: ${this.advice}`
  }
}

/** Somebody as whom one may look; only a demo offers any. */
export interface ViewerChoice {
  readonly userId: UserId
  readonly name: string
}

/** Recognises viewers. */
export class ViewerIdentity extends Context.Service<
  ViewerIdentity,
  {
    /** Null for a request by nobody that is known. */
    readonly identify: (asking: Asking) => Effect.Effect<Viewer | null, IdentityUnavailable>
    /** Empty but in a demo on the viewer's own machine. */
    readonly choices: ReadonlyArray<ViewerChoice>
  }
>()("@countersign/adapters/monitoring/ViewerIdentity") {}
