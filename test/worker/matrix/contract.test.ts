/** The matrix is total: no family, no reason code and no detail of one is left out. */
import { DetailCode, ReasonCode } from "@countersign/domain"
import { sampleCatalogue } from "@countersign/worker"
import { assert, it } from "@effect/vitest"
import { changeNames, changes } from "./changes.ts"
import { codes, DENIED, matrix } from "./contract.ts"
import { families } from "./families.ts"

it("six families by ten reason codes, in their order, and every cell is said", () => {
  assert.deepStrictEqual(
    families.map(({ operation }) => operation.type),
    [...sampleCatalogue.operations.keys()]
  )
  assert.deepStrictEqual(Object.keys(codes), [...ReasonCode.literals])
  assert.deepStrictEqual(Object.keys(matrix), changeNames)
  for (const row of Object.values(matrix)) assert.strictEqual(row.length, 6)
  assert.sameMembers(
    [...new Set(changeNames.flatMap((name) => changes[name].denial?.code ?? []))],
    [...ReasonCode.literals]
  )
})

it("every detail code is somewhere", () => {
  const details = new Set(changeNames.flatMap((name) => changes[name].denial?.detail ?? []))
  assert.sameMembers([...details], [...DetailCode.literals])
})

/** ✗ denied by every change of the code, ○ by some, – by none: the code cannot occur for this family. */
const picture = () =>
  Object.keys(codes).map((code) => {
    const rows = changeNames.filter((name) => changes[name].denial?.code === code)
    const marks = families.map((_, column) => {
      const denied = rows.filter((name) => matrix[name][column] === DENIED).length
      return denied === rows.length ? "✗" : denied === 0 ? "–" : "○"
    })
    return `${code.padEnd(30)} ${marks.join(" ")}`
  })

it("which code can stop which family", () => {
  //                                check, inventory, restore, bulk, sync, backup
  assert.deepStrictEqual(picture(), [
    "workspace_mismatch             ✗ ✗ ✗ ✗ ✗ ✗",
    "initiator_missing              ✗ ✗ ✗ ✗ ✗ –",
    "initiator_not_entitled         ✗ ✗ ✗ ✗ ✗ –",
    "tenant_missing                 ✗ ✗ ✗ ✗ ✗ ✗",
    "tenant_not_entitled            ✗ ✗ ✗ ✗ ✗ –",
    "missing_capability             ○ ○ ○ ○ ○ ○",
    "tenant_not_operable            ○ ✗ ✗ ✗ ✗ ✗",
    "provider_connection_invalid    ✗ ✗ ✗ ✗ ✗ ✗",
    "write_gate_blocked             – – ✗ ✗ – –",
    "execution_prerequisite_invalid – – – ✗ – –"
  ])
})
