/** Cells that travel as texts arrive as they were, whatever they hold, in their own column or shared. */
import { hostStringArbitrary } from "@countersign/adapters/testing"
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type Cell, type ColumnType, column, namesOf } from "../../../packages/adapters/src/postgres/Cells.ts"
import { fromTexts, textCellsOf, textCount, textsOf } from "../../../packages/adapters/src/postgres/TextCells.ts"
import { layerFreshDatabase } from "../../support/postgres.ts"

interface Row {
  readonly number: number
  readonly cell: Cell
}

const columnsOf = (type: ColumnType) => [
  column("number", "integer", ({ number }: Row) => number),
  column("cell", type, ({ cell }: Row) => cell)
]

/** What the server makes of the cells, as text. */
const arrived = Effect.fnUntraced(function* (type: ColumnType, cells: ReadonlyArray<Cell>) {
  const sql = yield* SqlClient.SqlClient
  const columns = columnsOf(type)
  const texts = textsOf(
    columns,
    cells.map((cell, number) => ({ number, cell }))
  )
  assert.strictEqual(texts.length, textCount(columns))
  const rows = yield* sql.unsafe<{ readonly cell: string | null }>(
    `SELECT cell::text FROM (SELECT ${textCellsOf(columns, "s")} FROM ${fromTexts(columns, 1, "s")}) AS found(${namesOf(columns)})
ORDER BY number`,
    texts
  )
  return rows.map(({ cell }) => cell)
})

const UUID = "0190163d-8694-739b-aea5-966c26f8ad91"

const samples: ReadonlyArray<readonly [type: ColumnType, cell: Exclude<Cell, null>, text: string]> = [
  ["text", "", ""],
  ["text", "NULL", "NULL"],
  ["text", ' {a,"b\\\\"} \n\t', ' {a,"b\\\\"} \n\t'],
  ["uuid", UUID, UUID],
  ["smallint", -7, "-7"],
  ["integer", 2 ** 31 - 1, "2147483647"],
  ["bigint", 2n ** 63n - 1n, "9223372036854775807"],
  ["boolean", false, "false"],
  ["timestamptz", new Date("0001-01-01T00:00:00.001Z"), "0001-01-01 00:00:00.001+00"],
  ["timestamptz", new Date("9999-12-31T23:59:59.999Z"), "9999-12-31 23:59:59.999+00"],
  ["bytea", new Uint8Array([0, 92, 255]), "\\x005cff"],
  ["jsonb", "null", "null"],
  ["jsonb", '{"a": "\\"\\\\n"}', '{"a": "\\"\\\\n"}'],
  ["json", '{"b":1, "a":2}', '{"b":1, "a":2}']
]

layer(layerFreshDatabase(), { excludeTestServices: true, timeout: "60 seconds" })("cells as texts", (it) => {
  for (const [type, cell, text] of samples) {
    it.effect(`${type} ${JSON.stringify(text)}`, () =>
      Effect.gen(function* () {
        yield* (yield* SqlClient.SqlClient)`SET TIME ZONE 'UTC'`
        assert.deepStrictEqual(yield* arrived(type, [cell]), [text])
        assert.deepStrictEqual(yield* arrived(type, [cell, cell, cell]), [text, text, text])
        assert.deepStrictEqual(yield* arrived(type, [cell, null, cell]), [text, null, text])
        assert.deepStrictEqual(yield* arrived(type, [null, null]), [null, null])
      })
    )
  }

  it.effect.prop(
    "any names, some of them missing",
    [
      Schema.Array(Schema.NullOr(Schema.Literals(["", "a", "NULL", '"', "\\", "{", "}", ",", " ", "é😀"]))),
      hostStringArbitrary
    ],
    ([some, name]) =>
      Effect.gen(function* () {
        const cells = [...some, name, ...some]
        assert.deepStrictEqual(yield* arrived("text", cells), cells)
      }),
    { arbitrary: { runs: 60 } }
  )
})
