/** How many rows a reading gives at most, as it stands in the statements. */
import { assert, it } from "@effect/vitest"
import { limited } from "../../../packages/adapters/src/postgres/limits.ts"

it("a limit is a whole number from 1 to 1000, or to another most, whatever is asked for", () => {
  const asked = [Number.NaN, Number.NEGATIVE_INFINITY, -1, 0, 0.9, 1, 1.9, 2, 999, 1000, 1001, Number.POSITIVE_INFINITY]
  const given = ["1", "1", "1", "1", "1", "1", "1", "2", "999", "1000", "1000", "1000"]
  assert.deepStrictEqual(
    asked.map((limit) => limited(limit)),
    given
  )
  assert.deepStrictEqual(
    [0, 1, 10, 11].map((limit) => limited(limit, 10)),
    ["1", "1", "10", "10"]
  )
})
