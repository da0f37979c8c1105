/** How results look: tables, colours, text from outside. */
import { assert, describe, it } from "@effect/vitest"
import { CliOutput } from "effect/cli"
import { printable, quoted, styleFor } from "../../../packages/worker/src/cli/render/Style.ts"
import { cell, renderTable } from "../../../packages/worker/src/cli/render/table.ts"

const plain = styleFor({ isTerminal: false, env: {} })

describe("rendering", () => {
  it("columns line up, however wide the characters and however many lines a cell has", () => {
    const lines = renderTable(
      {
        columns: ["Name", "State", "Why"],
        rows: [
          [cell("株式会社"), [{ text: "one" }, { text: "two" }], cell("a")],
          [cell("x"), cell("y"), cell("z")]
        ]
      },
      plain
    )
    assert.strictEqual(lines.length, 4)
    const before = (line: string | undefined, text: string) =>
      CliOutput.displayWidth((line ?? "").slice(0, (line ?? "").indexOf(text)))
    assert.strictEqual(before(lines[1], "one"), before(lines[3], "y"))
    assert.strictEqual(before(lines[1], "one"), before(lines[2], "two"))
  })

  it("text from outside neither moves the cursor nor turns the line", () => {
    assert.strictEqual(printable("a\u001b[2Jb\r\nc\u202ed\u0000"), "a�[2Jb��c�d�")
    assert.isBelow(quoted("x".repeat(10_000)).length, 100)
  })

  it("colours only on a terminal that wants them", () => {
    const coloured = (isTerminal: boolean, env: Record<string, string>) =>
      styleFor({ isTerminal, env }).tone("warning", "x") !== "x"
    assert.isTrue(coloured(true, {}))
    assert.isTrue(coloured(true, { NO_COLOR: "" }))
    assert.isFalse(coloured(true, { NO_COLOR: "1" }))
    assert.isFalse(coloured(true, { TERM: "dumb" }))
    assert.isFalse(coloured(false, {}))
  })
})
