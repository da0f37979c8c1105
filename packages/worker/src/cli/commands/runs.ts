/** `countersign runs`: looking at runs, calling them off, doing them again. */
import { Command } from "effect/cli"
import { runsCancel } from "./runsCancel.ts"
import { runsList } from "./runsList.ts"
import { runsRetry } from "./runsRetry.ts"
import { runsShow } from "./runsShow.ts"

/** The command. */
export const runs = Command.make("runs").pipe(
  Command.withDescription("List, show, cancel and retry runs."),
  Command.withSubcommands([runsList, runsShow, runsCancel, runsRetry])
)
