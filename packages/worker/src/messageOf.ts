/** What was thrown, as text. Code that is not ours threw it, so it may be anything. */
import { Formatter, Result } from "effect"

const said = (thrown: unknown): string => {
  if (typeof thrown === "string") return thrown
  const message: unknown = thrown instanceof Error ? thrown.message : undefined
  return typeof message === "string" ? message : Formatter.format(thrown)
}

/** An error's message, a text itself, or else the value as it is written down. Never throws, whatever was thrown. */
export const messageOf = (thrown: unknown): string =>
  Result.getOrElse(
    Result.try(() => said(thrown)),
    () => "something that cannot even be read"
  )
