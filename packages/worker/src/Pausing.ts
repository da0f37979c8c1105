/**
 * Pausing and resuming: what is asked for is checked, and written with who did it and when. Takes effect for every claim that begins
 * after it; running work goes on.
 *
 * Contract section 8.
 */
import {
  type Catalogue,
  HostString,
  type Pause,
  type Paused,
  PauseReason,
  PauseScope,
  Pauses,
  type StoreUnavailable
} from "@countersign/domain"
import { Clock, Effect, Result, Schema } from "effect"

/** What to pause or resume: an operation, a workspace, or an operation in one workspace. */
export interface RequestedScope {
  readonly operationType?: string | null
  readonly workspaceId?: string | null
}

/** What to pause, who does it, and why. */
export interface PauseRequest extends RequestedScope {
  readonly by: string
  /** For people: 1 to 500 characters on one line. */
  readonly reason: string
}

/** What to resume, and who does it. */
export interface ResumeRequest extends RequestedScope {
  readonly by: string
}

/** Why a pause is refused; nothing was written. */
export const PauseRefusal = Schema.Literals(["unknown_operation", "scope_invalid", "name_invalid", "reason_invalid"])
export type PauseRefusal = typeof PauseRefusal.Type

/** The pause or resume was refused and nothing was changed; `advice` says what to do about it. */
export class PauseRefused extends Schema.TaggedError<PauseRefused>()("PauseRefused", {
  reason: PauseRefusal,
  /** What is wrong and what to do about it, for a person. */
  advice: Schema.String
}) {
  override get message() {
    return `refused (${this.reason}): ${this.advice}`
  }
}

type Pausing<A> = Effect.Effect<A, PauseRefused | StoreUnavailable, Pauses>

/**
 * Pauses, or answers with the pause that is in force already, unchanged. With a catalogue, an operation that it does not declare is
 * refused: nobody would notice a name that is misspelt. Workspaces are the host's; whether one exists is not asked.
 */
export const pauseRuns = (request: PauseRequest, catalogue: Catalogue | null): Pausing<Paused> =>
  Effect.gen(function* () {
    const scope = yield* scopeOf(request)
    const { operationType } = scope
    if (operationType !== null && catalogue !== null && !catalogue.operations.has(operationType)) {
      const declared = [...catalogue.operations.keys()].sort().join(", ") || "none"
      return yield* refused(
        "unknown_operation",
        `no operation “${operationType}” is declared; declared are ${declared}`
      )
    }
    const by = yield* read(HostString, request.by, "name_invalid", "who pauses it is not valid")
    const reason = yield* read(PauseReason, request.reason, "reason_invalid", "the reason is not valid")
    const pauses = yield* Pauses
    return yield* pauses.pause({ scope, by, reason, sinceMillis: yield* Clock.currentTimeMillis })
  })

/** Ends the pause of exactly this; null when there was none. What another pause covers as well stays paused. */
export const resumeRuns = (request: ResumeRequest): Pausing<Pause | null> =>
  Effect.gen(function* () {
    const scope = yield* scopeOf(request)
    const by = yield* read(HostString, request.by, "name_invalid", "who resumes it is not valid")
    return yield* (yield* Pauses).resume(scope, { by, atMillis: yield* Clock.currentTimeMillis })
  })

const refused = (reason: PauseRefusal, advice: string) => Effect.fail(new PauseRefused({ reason, advice }))

const scopeOf = ({ operationType, workspaceId }: RequestedScope) =>
  read(
    PauseScope,
    { operationType: operationType ?? null, workspaceId: workspaceId ?? null },
    "scope_invalid",
    "what to pause or resume is not valid"
  )

const read = <A>(schema: Schema.Codec<A, unknown>, raw: unknown, reason: PauseRefusal, problem: string) =>
  Result.match(Schema.decodeUnknownResult(schema)(raw), {
    onSuccess: (value) => Effect.succeed(value),
    onFailure: ({ message }) => refused(reason, `${problem}: ${message.split("\n", 1)[0] ?? message}`)
  })
