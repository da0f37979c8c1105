/** `countersign runs show RUN`: one run with everything recorded about it. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { inspectRun } from "../../Inspection.ts"
import { readWaiting } from "../../Queueing.ts"
import { answer } from "../Reply.ts"
import { auditAsJson, decisionAsJson, runAsJson, waitingAsJson, wellbeingAsJson } from "../render/runJson.ts"
import { runPage } from "../render/runPage.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { runArgument, runIdFrom } from "./runId.ts"

/** The command. */
export const runsShow = Command.make("show", { run: runArgument }, ({ run }) =>
  replying(
    Effect.gen(function* () {
      const id = yield* runIdFrom(run)
      const settings = yield* readSettings
      const [inspected, waitingOf] = yield* withStore(settings, Effect.all([inspectRun(id), readWaiting]))
      const waiting = waitingOf(inspected.run)
      const { decisions, audit } = inspected
      yield* answer({
        json: () => [
          {
            ...runAsJson(inspected.run, decisions),
            ...wellbeingAsJson(inspected),
            ...waitingAsJson(waiting),
            decisions: decisions.map(decisionAsJson),
            audit: audit.map(auditAsJson)
          }
        ],
        text: (style) => runPage(inspected, waiting, style)
      })
    })
  )
).pipe(
  Command.withShortDescription("Show a run: how it ended, why, what to do next"),
  Command.withDescription(
    "Show a run: how it ended or gets on, why, what to do next; then its checks, its timeline and its codes."
  ),
  Command.withExamples([
    { command: "countersign runs show 0190163d-8694-739b-aea5-966c26f8ad91" },
    { command: "countersign runs show 0190163d-8694-739b-aea5-966c26f8ad91 --json" }
  ])
)
