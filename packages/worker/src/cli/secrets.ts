/** Signing secrets: in the environment, by name, and nowhere else. */
import type { SecretName } from "@countersign/domain"
import { Effect, Option, Redacted } from "effect"
import { variable } from "./Settings.ts"

/** The variable that holds the secrets of this name: `whsec_…`, the newest first, separated by blanks. */
export const secretVariable = (name: SecretName): string => `COUNTERSIGN_WEBHOOK_SECRET_${name.toUpperCase()}`

/** The secrets of this name; empty when the environment has none. */
export const secretsOf = (name: SecretName): Effect.Effect<ReadonlyArray<Redacted.Redacted>> =>
  Effect.map(variable(secretVariable(name)), (value) =>
    Option.getOrElse(value, () => "")
      .split(/\s+/)
      .filter((secret) => secret !== "")
      .map((secret) => Redacted.make(secret))
  )
