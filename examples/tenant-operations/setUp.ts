/** Makes the host's tables in the database of `DATABASE_URL` and introduces the cast. `countersign migrate` comes before it. */
import { PgClient } from "@effect/sql-pg"
import { Config, Effect } from "effect"
import { install } from "./host/install.ts"
import { tokenOf } from "./provider/FakeProvider.ts"
import { introduce } from "./story/cast.ts"

const program = Effect.gen(function* () {
  const provider = yield* Config.String("PROVIDER_URL").pipe(Config.withDefault("http://127.0.0.1:4010"))
  yield* install
  yield* introduce({ urlOf: (customer) => `${provider}/${customer}`, tokenOf })
})

const database = PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })
await Effect.runPromise(Effect.provide(program, database))
