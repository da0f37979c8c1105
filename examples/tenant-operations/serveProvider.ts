/** The provider to try things on, at `PORT` (4010), until it is stopped. */
import { Config, Console, Effect } from "effect"
import { startFakeProvider } from "./provider/FakeProvider.ts"

const program = Effect.gen(function* () {
  const port = yield* Config.Port("PORT").pipe(Config.withDefault(4010))
  const provider = yield* startFakeProvider(port)
  yield* Console.log(`the provider listens: ${provider.urlOf("contoso")}`)
  return yield* Effect.never
})

await Effect.runPromise(Effect.scoped(program))
