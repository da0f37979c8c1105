/** A host's app, as a host writes it: it writes a file, and says when it began. */
import { appendFileSync } from "node:fs"
import { Operation } from "@countersign/domain"
import { defineApp, PromiseHandler } from "@countersign/worker"
import { Schema } from "effect"

const write = Operation.make({
  type: "file.write",
  payload: Schema.Struct({ path: Schema.NonEmptyString, text: Schema.String }),
  result: Schema.Struct({ bytes: Schema.Int })
})

const wait = Operation.make({
  type: "wait",
  systemAuthority: true,
  payload: Schema.Struct({ millis: Schema.Int }),
  result: Schema.Void
})

export default defineApp({
  operations: [write, wait],
  handlers: [
    PromiseHandler.fromPromise(write, async ({ path, text }) => {
      appendFileSync(path, text)
      return { bytes: text.length }
    }),
    PromiseHandler.fromPromise(
      wait,
      ({ millis }, { signal }) =>
        new Promise<void>((resolve, reject) => {
          const timer = setTimeout(resolve, millis)
          signal.addEventListener("abort", () => {
            clearTimeout(timer)
            reject(new Error("stopped"))
          })
        })
    )
  ]
})
