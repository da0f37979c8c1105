/** `countersign runs`: looking at runs and calling them off. */
import { Command } from "effect/cli"
import { runsCancel } from "./runsCancel.ts"
import { runsList } from "./runsList.ts"
import { runsShow } from "./runsShow.ts"

/** The command. */
export const runs = Command.make("runs").pipe(
  Command.withDescription("List, show and cancel runs."),
  Command.withSubcommands([runsList, runsShow, runsCancel])
)
