/** Tuesday: runs wait, and meanwhile the host's tables change. What was legitimate when dispatched is not when a worker comes. */
import { Clock, Console, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { deletePolicies, restoreBackup, runBackup, syncGroups, syncInventory } from "../operations/index.ts"
import { emailOf } from "./cast.ts"
import { dispatch, Stage, work } from "./Stage.ts"
import { tell } from "./tell.ts"

const TWO_DAYS_MILLIS = 2 * 24 * 60 * 60 * 1000

/** Five runs, five changes, five reasons; not one request reaches the provider. */
export const tuesday = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { provider } = yield* Stage
  yield* Console.log("Tuesday. Five runs wait, each of them legitimate when it was dispatched.")
  const before = provider.received.length
  const runs = [
    yield* dispatch("Ole", syncInventory, "contoso", {}),
    yield* dispatch("Nora", syncGroups, "fabrikam", {}),
    yield* dispatch("the schedule", runBackup, "tailspin", {}),
    yield* dispatch("Max", restoreBackup, "wingtip", { backupId: "of last friday" }),
    yield* dispatch("Max", deletePolicies, "contoso", { policyIds: ["policy-3"] })
  ]

  const today = new Date(yield* Clock.currentTimeMillis)
  const twoDaysAgo = new Date(today.getTime() - TWO_DAYS_MILLIS)
  yield* Console.log("  Ole leaves the company, Fabrikam is archived, Tailspin's connector is paused,")
  yield* sql`UPDATE msp.staff SET left_on = ${today} WHERE email = ${emailOf("Ole")}`
  yield* sql`UPDATE msp.customers SET stage = 'archived' WHERE id = 'fabrikam'`
  yield* sql`UPDATE msp.connectors SET paused = true WHERE customer_id = 'tailspin'`
  yield* Console.log("  Wingtip's last hardening check is two days old, and Contoso freezes changes.")
  yield* sql`UPDATE msp.hardening_checks SET checked_at = ${twoDaysAgo} WHERE customer_id = 'wingtip'`
  yield* sql`UPDATE msp.customers SET changes_frozen = true WHERE id = 'contoso'`

  yield* tell(yield* work(runs))
  yield* Console.log(`  requests that reached the provider: ${provider.received.length - before}`)
  yield* sql`UPDATE msp.customers SET changes_frozen = false WHERE id = 'contoso'`
})
