/** Times and beginnings of ids as ranges of ids. */
import { idsOfTime, idsWithPrefix, intersectionOf, millisOfId, RunId } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { effort } from "./support/effort.ts"

const hex = (digits: number) =>
  fc.integer({ min: 0, max: 16 ** digits - 1 }).map((n) => n.toString(16).padStart(digits, "0"))
const millis = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const idOf = fc
  .tuple(millis, hex(3), fc.constantFrom("8", "9", "a", "b"), hex(3), hex(6), hex(6))
  .map(([at, a, variant, b, c, d]) => {
    const time = at.toString(16).padStart(12, "0")
    return { at, id: RunId.make(`${time.slice(0, 8)}-${time.slice(8)}-7${a}-${variant}${b}-${c}${d}`) }
  })

describe("ranges of run ids", () => {
  it("a time holds exactly the ids made in it", () => {
    fc.assert(
      fc.property(idOf, millis, millis, ({ at, id }, one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)]
        const range = idsOfTime(from, to)
        assert.strictEqual(range.from <= id && id <= range.to, from <= at && at <= to)
        assert.strictEqual(millisOfId(id), at)
      }),
      { numRuns: effort.runs(500) }
    )
  })

  it("a beginning holds exactly the ids that begin like it", () => {
    fc.assert(
      fc.property(idOf, idOf, fc.integer({ min: 1, max: 36 }), ({ id }, { id: other }, length) => {
        const range = idsWithPrefix(` ${id.slice(0, length).toUpperCase()}`)
        assert(range)
        assert.isTrue(range.from <= id && id <= range.to)
        assert.strictEqual(range.from <= other && other <= range.to, other.startsWith(id.slice(0, length)))
      }),
      { numRuns: effort.runs(500) }
    )
  })

  it("what no id begins with is no range", () => {
    for (const text of ["", " ", "x", "0190163d-8694-4", "0190163d_", "0190163d-8694-7abc-c", `${"0".repeat(40)}`]) {
      assert.isNull(idsWithPrefix(text), text)
    }
  })

  it("both ranges together are what is in each", () => {
    const [early, late] = [idsOfTime(10, 30), idsOfTime(20, 40)]
    for (const range of [intersectionOf(early, late), intersectionOf(late, early)])
      assert.deepStrictEqual(range, idsOfTime(20, 30))
  })
})
