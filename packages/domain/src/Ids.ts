/**
 * The names of things. A run's id is made by its caller as a UUIDv7; every other id is the host's own, opaque to us.
 *
 * Contract sections 2 and 5.
 */
import { Schema } from "effect"

/** The longest id, name or type this project stores, in UTF-16 code units. */
export const ID_MAX_LENGTH = 255

/** Control characters have no business in a name, and PostgreSQL cannot store U+0000 at all. */
const CONTROL_CHARACTER = /\p{Cc}/u

/**
 * A string of the host's: 1 to 255 UTF-16 code units of well-formed Unicode without control characters.
 * Compared code unit by code unit; never trimmed, folded or normalised.
 */
export const HostString = Schema.String.check(
  Schema.makeFilter((text: string) => {
    if (text.length === 0) return "must not be empty"
    if (text.length > ID_MAX_LENGTH) return `must have at most ${ID_MAX_LENGTH} characters, has ${text.length}`
    if (!text.isWellFormed()) return "must be well-formed Unicode (it holds half of a surrogate pair)"
    if (CONTROL_CHARACTER.test(text)) return "must not hold control characters"
    return undefined
  })
)

/** A run's id: a UUIDv7, so that ids sort by the time of dispatch. */
export const RunId = Schema.String.check(Schema.isUUID(7)).pipe(Schema.brand("RunId"))
export type RunId = typeof RunId.Type

/** A stored decision's id: a UUIDv7. */
export const DecisionId = Schema.String.check(Schema.isUUID(7)).pipe(Schema.brand("DecisionId"))
export type DecisionId = typeof DecisionId.Type

/** The outermost scope; every run belongs to exactly one. */
export const WorkspaceId = HostString.pipe(Schema.brand("WorkspaceId"))
export type WorkspaceId = typeof WorkspaceId.Type

/** A customer, an account, an environment: whatever a workspace operates. */
export const TenantId = HostString.pipe(Schema.brand("TenantId"))
export type TenantId = typeof TenantId.Type

/** A person. */
export const UserId = HostString.pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

/** A tenant's connection to a provider. */
export const ProviderConnectionId = HostString.pipe(Schema.brand("ProviderConnectionId"))
export type ProviderConnectionId = typeof ProviderConnectionId.Type

/** The wire name of an operation, such as `inventory_sync`. */
export const OperationType = HostString.pipe(Schema.brand("OperationType"))
export type OperationType = typeof OperationType.Type

/** The name of one of the host's own prerequisites. */
export const PrerequisiteName = HostString.pipe(Schema.brand("PrerequisiteName"))
export type PrerequisiteName = typeof PrerequisiteName.Type
