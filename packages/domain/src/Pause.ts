/**
 * Pauses: somebody stops the runs of an operation, of a workspace, or of an operation in one workspace from being taken, for a while.
 * They wait, and nothing is decided about them; work that runs goes on. The time they may wait goes on as well.
 *
 * Contract section 8.
 */
import { Schema } from "effect"
import { HostString, OperationType, WorkspaceId } from "./Ids.ts"
import type { Subject } from "./Snapshot.ts"

/** The longest reason, in UTF-16 code units. */
export const REASON_MAX_LENGTH = 500

/** Why something is paused, for people: 1 to 500 characters of well-formed Unicode, on one line. */
export const PauseReason = Schema.String.check(
  Schema.makeFilter((text: string) => {
    if (text.trim() === "") return "must say something"
    if (text.length > REASON_MAX_LENGTH) return `must have at most ${REASON_MAX_LENGTH} characters, has ${text.length}`
    if (!text.isWellFormed()) return "must be well-formed Unicode (it holds half of a surrogate pair)"
    return /\p{Cc}/u.test(text) ? "must not hold control characters" : undefined
  })
)

/**
 * What is paused. An operation everywhere, a workspace with all that it does, or one operation in one workspace; one of the two is
 * named at least.
 */
export const PauseScope = Schema.Struct({
  /** Null: every operation. */
  operationType: Schema.NullOr(OperationType),
  /** Null: every workspace. */
  workspaceId: Schema.NullOr(WorkspaceId)
}).check(
  Schema.makeFilter(({ operationType, workspaceId }) =>
    operationType === null && workspaceId === null ? "must name an operation, a workspace, or both" : undefined
  )
)
export type PauseScope = typeof PauseScope.Type

/** A pause that is in force. */
export const Pause = Schema.Struct({
  scope: PauseScope,
  /** Who paused it. */
  by: HostString,
  reason: PauseReason,
  sinceMillis: Schema.Int
})
export type Pause = typeof Pause.Type

/** Whether runs about this subject wait because of a pause of this scope. */
export const isPausedBy = ({ operationType, scope }: Subject, paused: PauseScope): boolean =>
  (paused.operationType === null || paused.operationType === operationType) &&
  (paused.workspaceId === null || paused.workspaceId === scope.workspaceId)

/** One text for a scope; of equal scopes the same. */
export const scopeKeyOf = ({ operationType, workspaceId }: PauseScope): string =>
  JSON.stringify([operationType, workspaceId])

/** A pause as a sentence; its time and its reason are told beside it. */
export const pausedInWords = ({ by, scope }: Pause): string => `${by} has paused ${describeScope(scope)}.`

/** A scope in words, such as `inventory_sync in the workspace north`. */
export const describeScope = ({ operationType, workspaceId }: PauseScope): string => {
  if (operationType === null) return `the workspace ${workspaceId}`
  return workspaceId === null ? `the operation ${operationType}` : `${operationType} in the workspace ${workspaceId}`
}
