/** Three days of a company that looks after other companies' devices. Everything it does waits in a queue, behind the gate. */
import { Effect } from "effect"
import { monday } from "./story/monday.ts"
import { layerStage } from "./story/Stage.ts"
import { tuesday } from "./story/tuesday.ts"
import { wednesday } from "./story/wednesday.ts"

const story = Effect.andThen(monday, Effect.andThen(tuesday, wednesday))

await Effect.runPromise(Effect.provide(story, layerStage))
