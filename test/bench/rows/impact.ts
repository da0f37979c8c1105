/** How long it takes to say what a person's leaving would mean for everything that is queued. */
import { UserId, Withdrawal } from "@countersign/domain"
import { reportImpact } from "@countersign/worker"
import { Effect, type Scope } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Row } from "../harness/Row.ts"
import { openBacklog, WORKSPACES } from "../stores/postgres.ts"
import { NotRight } from "../stores/Store.ts"
import { actorsOf, catalogue, isArchived, names } from "../stores/world.ts"

/** Who is to leave. */
const LEAVING = 0
const withdrawal = Withdrawal.cases.Actor.make({ userId: UserId.make(names.user(LEAVING)) })

export const IMPACT_LINE = "one person leaves"

/** The column of so many queued runs. */
export const impactColumn = (queued: number): string => `${queued.toLocaleString("en")} queued`

/** What must be told: runs for archived tenants are blocked as things are, the others of that person would be. */
const expectedOf = (queued: number) => {
  const expected = { blocked_now: 0, would_be_blocked: 0, held_now: 0, would_be_held: 0, unaffected: 0 }
  for (let number = 0; number < queued; number++) {
    const { tenant, user } = actorsOf(number, WORKSPACES)
    expected[isArchived(tenant) ? "blocked_now" : user === LEAVING ? "would_be_blocked" : "unaffected"] += 1
  }
  return expected
}

/** Opens a database of its own, with as many finished runs as queued ones. */
export const impactRow = (
  serverUrl: string,
  queued: number,
  connections: number
): Effect.Effect<Row, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const backlog = yield* openBacklog(serverUrl, queued, connections)
    const expected = JSON.stringify(expectedOf(queued))
    const measure = Effect.gen(function* () {
      const { ports } = yield* backlog.filledUp
      collectGarbage()
      const began = performance.now()
      const { counts } = yield* Effect.provide(reportImpact(catalogue, withdrawal), ports)
      const value = performance.now() - began
      if (JSON.stringify(counts) !== expected) {
        return yield* new NotRight({ message: `the impact is ${JSON.stringify(counts)}, not ${expected}` })
      }
      return [{ line: IMPACT_LINE, column: impactColumn(queued), value }]
    })
    return {
      key: "impact",
      title: "Impact",
      unit: "milliseconds",
      remark:
        "Every queued run is decided twice, from facts read once for each of 25,000 distinct questions. As many finished runs lie in the same table.",
      cases: [{ name: `the impact on ${queued} queued runs`, measure: () => measure }]
    }
  })
