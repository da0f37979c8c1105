/** `countersign audit`: reading the audit record, handing it over, and checking it. */
import { Command } from "effect/cli"
import { auditExport } from "./auditExport.ts"
import { auditList } from "./auditList.ts"
import { auditReplay } from "./auditReplay.ts"

/** The command. */
export const audit = Command.make("audit").pipe(
  Command.withDescription("List and export the audit record, and make its decisions again."),
  Command.withSubcommands([auditList, auditExport, auditReplay])
)
