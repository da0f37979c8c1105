/** The command line: its commands, with the flags they share. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { globalFlags } from "./flags.ts"
import { subcommandsFor } from "./subcommands.ts"

const countersign = Command.make("countersign").pipe(
  Command.withDescription(
    "Re-authorizes queued work at the moment it runs. Settings: flags over environment (DATABASE_URL, COUNTERSIGN_…) over countersign.json."
  ),
  Command.withExamples([
    { command: "countersign demo", description: "See it work; needs nothing" },
    { command: "countersign migrate", description: "Create the tables in the database of DATABASE_URL" },
    { command: "countersign work --app ./my-operations.ts", description: "Work on your operations" },
    { command: "countersign runs list --outcome blocked", description: "What was blocked, and why" }
  ])
)

/** The tree as far as these arguments need it. */
export const rootFor = (args: ReadonlyArray<string>) =>
  Effect.map(
    Effect.promise(() => subcommandsFor(args)),
    (subcommands) => countersign.pipe(Command.withSubcommands(subcommands), Command.withGlobalFlags(globalFlags))
  )
