/** What is measured, as an app for `countersign work`. */
import { defineApp, Handler } from "@countersign/worker"
import { Effect } from "effect"
import { operation } from "./world.ts"

export default defineApp({ operations: [operation], handlers: [Handler.make(operation, () => Effect.void)] })
