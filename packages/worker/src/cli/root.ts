/** The command line: every command, with the flags they share. */
import { Command } from "effect/cli"
import { audit } from "./commands/audit.ts"
import { demo } from "./commands/demo.ts"
import { dispatch } from "./commands/dispatch.ts"
import { doctor } from "./commands/doctor.ts"
import { events } from "./commands/events.ts"
import { explain } from "./commands/explain.ts"
import { impact } from "./commands/impact.ts"
import { migrate } from "./commands/migrate.ts"
import { monitor } from "./commands/monitor.ts"
import { pause, pauses, resume } from "./commands/pause.ts"
import { runs } from "./commands/runs.ts"
import { schedules } from "./commands/schedules.ts"
import { work } from "./commands/work.ts"
import { globalFlags } from "./flags.ts"

/** The whole tree. */
export const root = Command.make("countersign").pipe(
  Command.withDescription(
    "Re-authorizes queued work at the moment it runs. Settings: flags over environment (DATABASE_URL, COUNTERSIGN_…) over countersign.json."
  ),
  Command.withExamples([
    { command: "countersign demo", description: "See it work; needs nothing" },
    { command: "countersign migrate", description: "Create the tables in the database of DATABASE_URL" },
    { command: "countersign work --app ./my-operations.ts", description: "Work on your operations" },
    { command: "countersign runs list --outcome blocked", description: "What was blocked, and why" }
  ]),
  Command.withSubcommands([
    demo,
    migrate,
    work,
    dispatch,
    runs,
    schedules,
    explain,
    impact,
    pause,
    resume,
    pauses,
    audit,
    events,
    monitor,
    doctor
  ]),
  Command.withGlobalFlags(globalFlags)
)
