/** Texts: times as people say them, text of others on one line, and JSON that every store can keep. */
import { agoInWords, durationInWords, NESTING_MAX, plainLine, unstorable } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import fc from "fast-check"
import { NOW_MILLIS } from "./support/fixtures.ts"

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe("times in words", () => {
  it("are rounded down, and change their unit exactly where it is full", () => {
    const told = (
      [
        [-1, "under a second"],
        [0, "under a second"],
        [SECOND - 1, "under a second"],
        [SECOND, "1 s"],
        [MINUTE - 1, "59 s"],
        [MINUTE, "1 min"],
        [3 * MINUTE + 20 * SECOND, "3 min 20 s"],
        [HOUR - 1, "59 min 59 s"],
        [HOUR, "1 h"],
        [HOUR + MINUTE - 1, "1 h"],
        [2 * HOUR + 5 * MINUTE, "2 h 5 min"],
        [DAY - 1, "23 h 59 min"],
        [DAY, "1 day"],
        [2 * DAY - 1, "1 day"],
        [4 * DAY, "4 days"]
      ] as const
    ).map(([millis, words]) => [durationInWords(millis), words])
    for (const [words, expected] of told) assert.strictEqual(words, expected)
  })

  it("lie behind or ahead; what is less than a minute away is as good as now", () => {
    for (const [passed, words] of [
      [-2 * DAY, "in 2 days"],
      [-HOUR, "in 1 h"],
      [-MINUTE, "in 1 min"],
      [-MINUTE + 1, "less than a minute ago"],
      [0, "less than a minute ago"],
      [MINUTE - 1, "less than a minute ago"],
      [MINUTE, "1 min ago"],
      [HOUR - 1, "59 min ago"],
      [DAY - 1, "23 h ago"],
      [DAY, "1 day ago"]
    ] as const) {
      assert.strictEqual(agoInWords(NOW_MILLIS - passed, NOW_MILLIS), words)
    }
  })
})

describe("text of others", () => {
  it("stands on one line, within its length, well-formed, and does nothing to what is around it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 20 }), (text, maxLength) => {
        const line = plainLine(text, maxLength)
        assert.isAtMost(line.length, maxLength)
        assert.isTrue(line.isWellFormed())
        assert.notMatch(line, /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
        assert.strictEqual(plainLine(line, maxLength), line)
      })
    )
  })

  it("is cut with an ellipsis, never through a character", () => {
    assert.strictEqual(plainLine("four", 4), "four")
    assert.strictEqual(plainLine("fours", 4), "fou…")
    assert.strictEqual(plainLine("ab👍cd", 4), "ab…")
    assert.strictEqual(plainLine(" a\r\n\u2028b\u202e ", 9), "a b")
    assert.strictEqual(plainLine("\ud83d", 9), "\ufffd")
  })
})

describe("JSON that can be stored", () => {
  const nested = (levels: number): Schema.Json => (levels === 0 ? 1 : [nested(levels - 1)])

  it("holds no U+0000, no half of a surrogate pair, and is not too deep; whatever else it holds", () => {
    for (const value of [null, "", "👍", { a: [1, "\u0001", { "": true }] }, nested(NESTING_MAX)]) {
      assert.isNull(unstorable(value))
    }
    for (const [value, problem] of [
      ["\u0000", /U\+0000/],
      [{ a: ["b\u0000"] }, /U\+0000/],
      [{ "a\u0000": 1 }, /U\+0000/],
      [["\ud83d"], /surrogate pair/],
      [{ "\udc00": 1 }, /surrogate pair/],
      [nested(NESTING_MAX + 1), /deeper than 256 levels/]
    ] as const) {
      assert.match(unstorable(value) ?? "nothing", problem)
    }
  })
})
