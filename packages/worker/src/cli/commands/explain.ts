/** `countersign explain RUN`: why a run would start or not. */
import { Catalogue, isCompleted, RunStore } from "@countersign/domain"
import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { explainRun } from "../../Inspection.ts"
import { loadApp, withFactsOf } from "../AppModule.ts"
import { answer } from "../Reply.ts"
import { explanationAsJson } from "../render/explanationJson.ts"
import { explanationPage } from "../render/explanationPage.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { appFlag } from "./appFlag.ts"
import { runArgument, runIdFrom } from "./runId.ts"

const NOTHING_DECLARED = Catalogue.make([])

/** The command. */
export const explain = Command.make("explain", { run: runArgument, app: appFlag }, ({ run, app }) =>
  replying(
    Effect.gen(function* () {
      const id = yield* runIdFrom(run)
      const settings = yield* readSettings
      const explained = Effect.gen(function* () {
        const store = yield* RunStore
        // What a waiting run needs is for its host to declare; about a completed one its last decision knows it all.
        if (isCompleted(yield* store.find(id))) return yield* explainRun(id, NOTHING_DECLARED)
        const loaded = yield* loadApp(Option.getOrNull(app), settings)
        return yield* withFactsOf(loaded, explainRun(id, loaded.catalogue))
      })
      const found = yield* withStore(settings, explained)
      yield* answer({
        json: () => [explanationAsJson(found)],
        text: (style) => explanationPage(found, style)
      })
    })
  )
).pipe(
  Command.withShortDescription("Say why a run would start or not"),
  Command.withDescription(
    "Say why a run would start or not: every failing check, and the smallest change of facts that would allow it. A waiting run is explained from the facts of this moment and needs --app; a completed one from what its last decision saw."
  ),
  Command.withExamples([
    { command: "countersign explain 0190163d-8694-739b-aea5-966c26f8ad91 --app ./my-operations.ts" },
    { command: "countersign explain 0190163d-8694-739b-aea5-966c26f8ad91 --json" }
  ])
)
