/**
 * The contract as a matrix: every family × every reason code, through a real store, before the start and at work. What is expected
 * is in `matrix/contract.ts`; each store has to show exactly that, so all of them show the same.
 */
import { readFile } from "node:fs/promises"
import { Countersign, sampleCatalogue } from "@countersign/worker"
import { assert, layer } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Context, Effect, Layer } from "effect"
import { codes, DENIED, matrix } from "./matrix/contract.ts"
import { type Ending, endingByContract, type Part } from "./matrix/Ending.ts"
import { families } from "./matrix/families.ts"
import { type Played, playMatrix } from "./matrix/play.ts"
import type { StoredRows } from "./matrix/StoredRows.ts"
import type { Store } from "./support/gate.ts"

const schemaFile = new URL("../../packages/domain/schema/execution-legitimacy.schema.json", import.meta.url)
const isOnTheWire = new Ajv2020().compile(JSON.parse(await readFile(schemaFile, "utf8")))

/** Everything that was played on the store, once for all tests of a file. */
class Plays extends Context.Service<Plays, ReadonlyArray<Played>>()("test/matrix/Plays") {
  static readonly layer = Layer.effect(Plays, playMatrix)
}

const WORDS = "words for people"

/** The same ending with {@link WORDS} in place of what is said to people; fails when nothing is said, or a code is. */
const withoutWords = (ending: Ending): Ending => {
  const { context, failureSummary } = ending
  if (context === null || typeof context !== "object" || !("next_steps" in context)) return ending
  const { next_steps: steps } = context
  const summary: unknown = Array.isArray(failureSummary) ? failureSummary[0] : null
  assert(summary !== null && typeof summary === "object" && "message" in summary)
  assert(Array.isArray(steps) && steps.length > 0)
  for (const said of [...steps, summary.message]) {
    assert.match(said, /^[A-Z].+\.$/)
    // The host's own names stand in quotation marks.
    assert.notMatch(said.replaceAll(/“[^”]+”/g, ""), /[a-z]_[a-z]/)
  }
  return {
    ...ending,
    context: { ...context, next_steps: WORDS },
    failureSummary: [{ ...summary, message: WORDS }]
  }
}

const parts: ReadonlyArray<Part> = ["waiting", "at work"]

/** Every cell of the matrix holds for this store. */
export const matrixLaws = <E>(name: string, store: Layer.Layer<Store | StoredRows, E>) =>
  layer(Plays.layer.pipe(Layer.provide(Countersign.layer({ catalogue: sampleCatalogue })), Layer.provide(store)), {
    excludeTestServices: true,
    timeout: "120 seconds"
  })(`the matrix on ${name}`, (it) => {
    for (const part of parts) {
      for (const [column, { operation }] of families.entries()) {
        for (const code of ["allowed", ...Object.keys(codes)]) {
          it.effect(`${operation.type}, ${part}: ${code}`, () =>
            Effect.gen(function* () {
              const played = (yield* Plays).filter(
                ({ cell, ...each }) =>
                  each.part === part &&
                  cell.family.operation.type === operation.type &&
                  (cell.change.denial?.code ?? "allowed") === code
              )
              assert.isNotEmpty(played)
              for (const { name: row, cell, ending } of played) {
                const expected = matrix[row][column] ?? assert.fail(`no cell for ${row}`)
                const told = `${cell.change.told}: ${expected}`
                assert.deepStrictEqual(withoutWords(ending), endingByContract(cell, part, expected, WORDS), told)
                for (const wire of ending.decisions) assert.isTrue(isOnTheWire(wire), told)
                if (expected === DENIED) assert.isTrue(isOnTheWire(storedDecisionOf(ending)), told)
              }
            })
          )
        }
      }
    }
  })

const storedDecisionOf = ({ context }: Ending): unknown =>
  context !== null && typeof context === "object" && "execution_legitimacy" in context
    ? context.execution_legitimacy
    : undefined
