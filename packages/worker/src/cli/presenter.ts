/** Help and usage errors: help on standard output; an error as one or two lines on standard error, or as JSON. */
import { Console, type Effect } from "effect"
import { CliOutput } from "effect/cli"
import { type CliFailure, cliFailure } from "./CliFailure.ts"
import { printable } from "./render/Style.ts"

/** Tells a failure to a person, or to a machine. */
export const tellFailure = ({ code, problem, advice }: CliFailure, json: boolean): Effect.Effect<void> =>
  json
    ? Console.error(JSON.stringify({ error: { code, problem, advice } }))
    : Console.error(
        [`countersign: ${onOneLine(problem)}`, ...(advice === null ? [] : [`  ${onOneLine(advice)}`])].join("\n")
      )

const onOneLine = (text: string): string => printable(text.replaceAll(/\s*\n\s*/g, " "))

/** How the command line's own output is presented. */
export const makePresenter = (json: boolean): CliOutput.Presenter => ({
  present: (event) => {
    if (event._tag === "InvalidInvocation") {
      const problem = event.errors.map(({ message }) => shortened(message)).join("; ")
      const advice = `see \`${event.commandPath.join(" ")} --help\``
      return tellFailure(cliFailure("usage", problem, advice), json)
    }
    return CliOutput.defaultPresenter.present(event)
  }
})

const MESSAGE_MAX_LENGTH = 300

/** One line of bounded length, whatever was typed. */
const shortened = (message: string): string => {
  const line = message.replaceAll(/\s+/g, " ").trim()
  return line.length <= MESSAGE_MAX_LENGTH ? line : `${line.slice(0, MESSAGE_MAX_LENGTH)}…`
}
