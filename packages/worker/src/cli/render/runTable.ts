/** Many runs for people. */
import { freshnessInWords, standingOf, starterOf } from "@countersign/domain"
import type { WaitingOf } from "../../Queueing.ts"
import type { WatchedRun } from "../../Watching.ts"
import type { Style } from "./Style.ts"
import { type Cell, cell, renderTable } from "./table.ts"
import { inUtc } from "./words.ts"

/** The table's lines, or one that says that there is nothing. */
export const runTable = (runs: ReadonlyArray<WatchedRun>, waitingOf: WaitingOf, style: Style): ReadonlyArray<string> =>
  runs.length === 0
    ? ["No runs."]
    : renderTable(
        {
          columns: ["Run", "Dispatched (UTC)", "Operation", "Workspace", "Tenant", "Started by", "State"],
          rows: runs.map((watched) => {
            const { run } = watched
            const { operationType, scope } = run.dispatch.subject
            return [
              cell(run.dispatch.id),
              cell(inUtc(run.dispatch.dispatchedAtMillis)),
              cell(operationType),
              cell(scope.workspaceId),
              cell(scope.tenantId ?? "–"),
              cell(starterOf(run)),
              stateOf(watched, waitingOf)
            ]
          })
        },
        style
      )

/** How it stands; of an active run also that it does not get on. */
const stateOf = ({ run, freshness }: WatchedRun, waitingOf: WaitingOf): Cell => {
  const [headline, tone] = standingOf(run, waitingOf(run))
  if (freshness !== "likely_stale") return cell(headline, tone)
  const { label, tone: staleTone } = freshnessInWords[freshness]
  return cell(`${headline} (${label.toLowerCase()})`, staleTone)
}
