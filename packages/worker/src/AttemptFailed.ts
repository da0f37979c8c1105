/**
 * How a handler says that its attempt failed.
 *
 * Contract sections 3 and 8.
 */
import { Schema } from "effect"

/**
 * Fail with this to say why, and whether another attempt may help. `message` is shown to the initiator: no secrets in it.
 * Any other error counts as retryable and is told to the initiator in general words only.
 */
export class AttemptFailed extends Schema.TaggedError<AttemptFailed>()("AttemptFailed", {
  code: Schema.NonEmptyString,
  message: Schema.String,
  /** False: another attempt would fail the same way. */
  retry: Schema.Boolean,
  /** Make the next attempt after this long, instead of after the operation's back-off; milliseconds. */
  retryAfterMillis: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))
}) {}
