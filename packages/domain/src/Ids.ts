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
const WITHOUT_CONTROL_CHARACTERS = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"

/**
 * A string of the host's: 1 to 255 UTF-16 code units of well-formed Unicode without control characters.
 * Compared code unit by code unit; never trimmed, folded or normalised.
 */
export const HostString = Schema.String.check(
  Schema.makeFilter(
    (text: string) => {
      if (text.length === 0) return "must not be empty"
      if (text.length > ID_MAX_LENGTH) return `must have at most ${ID_MAX_LENGTH} characters, has ${text.length}`
      if (!text.isWellFormed()) return "must be well-formed Unicode (it holds half of a surrogate pair)"
      if (CONTROL_CHARACTER.test(text)) return "must not hold control characters"
      return undefined
    },
    {
      // Looser than the filter: JSON Schema counts code points, and knows nothing of surrogates.
      toJsonSchema: () => [{ minLength: 1, maxLength: ID_MAX_LENGTH, pattern: WITHOUT_CONTROL_CHARACTERS }, true],
      arbitraryConstraint: {
        minLength: 1,
        maxLength: ID_MAX_LENGTH,
        patterns: [{ source: WITHOUT_CONTROL_CHARACTERS, flags: "" }]
      }
    }
  )
)

/** A UUIDv7 in its one spelling: ids are compared as text, and databases give upper case back as lower case. */
export const UuidV7 = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, {
    expected: "a UUID of version 7 in lower case"
  })
)

/** A run's id: a UUIDv7, so that ids sort by the time of dispatch. */
export const RunId = UuidV7.pipe(Schema.brand("RunId"))
export type RunId = typeof RunId.Type

/** A stored decision's id: a UUIDv7. */
export const DecisionId = UuidV7.pipe(Schema.brand("DecisionId"))
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

/** A schedule; the host's own name for it, such as `nightly-backup`. */
export const ScheduleId = HostString.pipe(Schema.brand("ScheduleId"))
export type ScheduleId = typeof ScheduleId.Type

/** The name of something a handler counts, such as `deleted`. */
export const CountKey = HostString.pipe(Schema.brand("CountKey"))
export type CountKey = typeof CountKey.Type

/** The name of one of the host's own prerequisites. */
export const PrerequisiteName = HostString.pipe(Schema.brand("PrerequisiteName"))
export type PrerequisiteName = typeof PrerequisiteName.Type
