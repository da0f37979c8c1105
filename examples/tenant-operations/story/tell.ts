/** How a run ended, as a line. */
import { headlineOf, initiatorOf, type Run } from "@countersign/domain"
import { Console, Effect } from "effect"
import { operations } from "../operations/index.ts"

const labels = new Map<string, string>(operations.map(({ type, label }) => [type, label]))

const lineOf = (run: Run): string => {
  const { subject, initiatorName } = run.dispatch
  const { operationType, authority, scope } = subject
  const by = initiatorOf(authority) === null ? "the schedule" : (initiatorName ?? "")
  const counts = Object.entries(run.counts).map(([key, count]) => `${count} ${key}`)
  const what = `${labels.get(operationType) ?? operationType} for ${scope.tenantId ?? "nobody"}, by ${by}`
  return `  ${what}: ${headlineOf(run)}${counts.length === 0 ? "" : ` (${counts.join(", ")})`}`
}

/** Tells of each. */
export const tell = (runs: ReadonlyArray<Run>): Effect.Effect<void> =>
  Effect.forEach(runs, (run) => Console.log(lineOf(run)), { discard: true })
