/** Many runs for people. */
import { headlineOf, type Run } from "@countersign/domain"
import { starterOf, toneOf } from "./runPage.ts"
import type { Style } from "./Style.ts"
import { cell, renderTable } from "./table.ts"
import { inUtc } from "./words.ts"

/** The table's lines, or one that says that there is nothing. */
export const runTable = (runs: ReadonlyArray<Run>, style: Style): ReadonlyArray<string> =>
  runs.length === 0
    ? ["No runs."]
    : renderTable(
        {
          columns: ["Run", "Dispatched (UTC)", "Operation", "Workspace", "Tenant", "Started by", "State"],
          rows: runs.map((run) => {
            const { operationType, scope } = run.dispatch.subject
            return [
              cell(run.dispatch.id),
              cell(inUtc(run.dispatch.dispatchedAtMillis)),
              cell(operationType),
              cell(scope.workspaceId),
              cell(scope.tenantId ?? "–"),
              cell(starterOf(run)),
              cell(headlineOf(run), toneOf(run))
            ]
          })
        },
        style
      )
