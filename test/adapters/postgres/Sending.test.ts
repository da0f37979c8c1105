/** What is sent once for many values arrives with each of them. */

import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { column, shared } from "../../../packages/adapters/src/postgres/Cells.ts"
import { sendingOf } from "../../../packages/adapters/src/postgres/Sending.ts"
import { layerFreshDatabase } from "../../support/postgres.ts"

interface Value {
  readonly place: number
  readonly word: string | null
  readonly number: number | null
  readonly atMillis: number
  readonly json: string
}

const sending = sendingOf<Value>(
  [
    column("place", "integer", ({ place }) => place),
    shared("word", "text", ({ word }) => word),
    column("number", "integer", ({ number }) => number),
    shared("instant", "timestamptz", ({ atMillis }) => new Date(atMillis)),
    shared("json", "jsonb", ({ json }) => JSON.stringify(json))
  ],
  1
)
const names = ["place", "word", "number", "instant", "json"]

const SELECT = `SELECT ${names.map((name) => `${sending.cell(name, "s")} AS ${name}`).join(", ")}
FROM ${sending.table("s")} ORDER BY s.place`

const expected = ({ place, word, number, atMillis, json }: Value) => ({
  place,
  word,
  number,
  instant: new Date(atMillis),
  json
})

/** From few kinds, which come again, to more than are looked back at. */
const values = Schema.Array(
  Schema.Struct({
    word: Schema.NullOr(Schema.Literals(Array.from({ length: 40 }, (_, at) => `word ${at}`))),
    number: Schema.NullOr(Schema.Literals([0, 7])),
    atMillis: Schema.Literals([0, 1_700_000_000_000]),
    json: Schema.Literals(["", "text"])
  })
)

layer(layerFreshDatabase(), { excludeTestServices: true, timeout: "60 seconds" })("sending", (it) => {
  const arrived = (sent: ReadonlyArray<Value>) =>
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(SELECT, sending.parameters(sent)))

  it.effect.prop(
    "each value arrives with its own cells and those it shares",
    [values],
    ([some]) =>
      Effect.gen(function* () {
        const sent = some.map((value, place): Value => ({ ...value, place }))
        assert.deepStrictEqual(yield* arrived(sent), sent.map(expected))
      }),
    { arbitrary: { runs: 40 } }
  )

  it.effect("also with more kinds than are looked back at, one after another and in turns", () =>
    Effect.gen(function* () {
      const sent = Array.from(
        { length: 200 },
        (_, place): Value => ({ place, word: `word ${place % 40}`, number: null, atMillis: 0, json: "" })
      )
      const inBlocks = sent.map((value): Value => ({ ...value, word: `word ${Math.floor(value.place / 5)}` }))
      for (const some of [sent, inBlocks]) assert.deepStrictEqual(yield* arrived(some), some.map(expected))
    })
  )
})
