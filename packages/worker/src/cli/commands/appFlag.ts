/** The flag that names the host's app. */
import { Flag } from "effect/cli"

/** The flag. */
export const appFlag = Flag.String("app").pipe(
  Flag.optional,
  Flag.withMetavar("FILE"),
  Flag.withDescription(
    "The module that declares your operations with defineApp (else COUNTERSIGN_APP, else the settings file)"
  )
)
