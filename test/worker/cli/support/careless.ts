/** A host's app that is careless with what it starts, and with what it says of it: nobody waits for its promises and its callbacks. */
import { Operation } from "@countersign/domain"
import { defineApp, Handler, PromiseHandler } from "@countersign/worker"
import { Effect, Schema } from "effect"

const careless = (type: string) =>
  Operation.make({ type, systemAuthority: true, payload: Schema.Struct({}), result: Schema.Void })

const forgetful = careless("forgetful")
const explosive = careless("explosive")
const once = (type: string) =>
  Operation.make({
    type,
    systemAuthority: true,
    payload: Schema.Struct({}),
    result: Schema.Void,
    attempts: { maxAttempts: 1, timeoutMillis: 60_000, backoffMillis: 1, backoffMaxMillis: 1 }
  })
const thrower = once("thrower")
/** What it throws has no message, and cannot even be made a string. */
const speechless = once("speechless")

const miscounting = careless("miscounting")
const copious = Operation.make({
  type: "copious",
  systemAuthority: true,
  payload: Schema.Struct({}),
  result: Schema.String
})
const talkative = careless("talkative")

interface Ring {
  self?: Ring
}
const ring: Ring = {}
ring.self = ring

export default defineApp({
  operations: [forgetful, explosive, thrower, miscounting, copious, talkative, speechless],
  handlers: [
    PromiseHandler.fromPromise(forgetful, async () => {
      void Promise.reject(new Error("nobody waits for this"))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }),
    PromiseHandler.fromPromise(explosive, async () => {
      setImmediate(() => {
        throw new Error("nobody catches this")
      })
      await new Promise((resolve) => setTimeout(resolve, 60_000))
    }),
    PromiseHandler.fromPromise(thrower, async () => {
      throw new Error("the shelf is gone")
    }),
    PromiseHandler.fromPromise(miscounting, (_, { reportCounts }) => reportCounts({ nobody_declared: 1 })),
    PromiseHandler.fromPromise(copious, async () => "x".repeat(100_000)),
    Handler.make(talkative, () => Effect.annotateLogs(Effect.log("so much", 10n, ring), { ring, level: "its own" })),
    PromiseHandler.fromPromise(speechless, async () => {
      throw Object.create(null)
    })
  ]
})
