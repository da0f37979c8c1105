/** The demo's table: what was asked for, by whom, how it ended, and what to do next. */
import { headlineOf, nextStepsFor, toneOf } from "@countersign/domain"
import type { Style } from "../cli/render/Style.ts"
import { cell, renderTable } from "../cli/render/table.ts"
import type { DemoRun } from "./play.ts"

/** The table's lines. */
export const demoTable = (runs: ReadonlyArray<DemoRun>, style: Style): ReadonlyArray<string> =>
  renderTable(
    {
      columns: ["Operation", "Tenant", "Started by", "How it ended"],
      rows: runs.map(({ dispatch, run }) => [
        cell(dispatch.label),
        cell(dispatch.tenant),
        cell(dispatch.by ?? "the schedule"),
        [
          { text: headlineOf(run), tone: toneOf(run) },
          ...nextStepsFor(run)
            .slice(0, 1)
            .map((step) => ({ text: `→ ${step}` }))
        ]
      ])
    },
    style
  )
