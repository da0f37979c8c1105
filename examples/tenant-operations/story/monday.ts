/** Monday: everything is in order, and every operation does what it is for. */
import { Console, Effect } from "effect"
import {
  checkConnection,
  deletePolicies,
  restoreBackup,
  runBackup,
  syncGroups,
  syncInventory
} from "../operations/index.ts"
import { dispatch, Stage, work } from "./Stage.ts"
import { tell } from "./tell.ts"

/** Six operations for one customer. The provider is busy once, and the run tries again when the provider said. */
export const monday = Effect.gen(function* () {
  const { provider } = yield* Stage
  const contoso = provider.estate("contoso")
  yield* Console.log("Monday. Everything is in order; the provider is busy once.")
  contoso.troubles.push({ status: 429, retryAfterSeconds: 1 })
  const backup = yield* dispatch("the schedule", runBackup, "contoso", {})
  yield* tell(
    yield* work([
      backup,
      yield* dispatch("Nora", checkConnection, "contoso", {}),
      yield* dispatch("Tim", syncInventory, "contoso", {}),
      yield* dispatch("Tim", syncGroups, "contoso", {})
    ])
  )

  contoso.locked.add("policy-9")
  yield* tell(
    yield* work([
      yield* dispatch("Nora", deletePolicies, "contoso", {
        policyIds: ["policy-1", "policy-2", "policy-8", "policy-9"]
      })
    ])
  )
  yield* Console.log(`  the provider has ${contoso.policies.size} policies left`)
  const backupId = backup.dispatch.id
  yield* tell(yield* work([yield* dispatch("Max", restoreBackup, "contoso", { backupId })]))
  yield* Console.log(`  the provider has ${contoso.policies.size} policies again`)
})
