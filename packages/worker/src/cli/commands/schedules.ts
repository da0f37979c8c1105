/** `countersign schedules`: having operations dispatched again and again. */
import { Command } from "effect/cli"
import { schedulesAdd } from "./schedulesAdd.ts"
import { schedulesList } from "./schedulesList.ts"
import { schedulesPause } from "./schedulesPause.ts"
import { schedulesRemove } from "./schedulesRemove.ts"
import { schedulesResume } from "./schedulesResume.ts"
import { schedulesShow } from "./schedulesShow.ts"
import { schedulesTransfer } from "./schedulesTransfer.ts"

/** The command. */
export const schedules = Command.make("schedules").pipe(
  Command.withDescription("List, show, add, pause, resume, transfer and remove schedules."),
  Command.withSubcommands([
    schedulesList,
    schedulesShow,
    schedulesAdd,
    schedulesPause,
    schedulesResume,
    schedulesTransfer,
    schedulesRemove
  ])
)
