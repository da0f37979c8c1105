/**
 * The operations a host declares, by type.
 *
 * Contract section 7.
 */
import type { OperationType } from "./Ids.ts"
import type { Operation, Requirements } from "./Operation.ts"

/** Every operation a process knows. A type that is not in it is unknown, and an unknown operation is denied. */
export interface Catalogue {
  readonly operations: ReadonlyMap<OperationType, AnyOperation>
  /** What the type requires, or null when it is not declared. */
  readonly requirementsOf: (type: OperationType) => Requirements | null
}

/** An operation whose payload and result types are not known here; `accept` still decodes its payloads. */
export type AnyOperation = Pick<
  Operation,
  | "type"
  | "label"
  | "requirements"
  | "viewCapability"
  | "accept"
  | "attempts"
  | "hold"
  | "queuedLimitMillis"
  | "priority"
  | "concurrency"
  | "countKeys"
>

/** Throws when two declarations share a type: which of them is meant could not be told. */
const make = (operations: ReadonlyArray<AnyOperation>): Catalogue => {
  const byType = new Map<OperationType, AnyOperation>()
  for (const operation of operations) {
    if (byType.has(operation.type)) throw new RangeError(`operation ${operation.type} is declared twice`)
    byType.set(operation.type, operation)
  }
  return {
    operations: byType,
    requirementsOf: (type) => byType.get(type)?.requirements ?? null
  }
}

export const Catalogue = { make }
