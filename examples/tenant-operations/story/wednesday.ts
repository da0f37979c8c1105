/** Wednesday: a bulk delete is under way when the person who started it loses the customer. */
import { Console, Effect } from "effect"
import { SqlClient } from "effect/sql"
import { deletePolicies } from "../operations/index.ts"
import { emailOf } from "./cast.ts"
import { dispatch, Stage, work } from "./Stage.ts"
import { tell } from "./tell.ts"

/** Nine policies in chunks of three; the change comes with the fourth. That chunk is finished, and nothing after it is begun. */
export const wednesday = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { provider } = yield* Stage
  const estate = provider.estate("contoso")
  estate.locked.clear()
  yield* Console.log("Wednesday. Nora deletes all nine policies; at the fourth she is taken off the customer.")
  const run = yield* dispatch("Nora", deletePolicies, "contoso", {
    policyIds: Array.from({ length: 9 }, (_, index) => `policy-${index + 1}`)
  })

  const context = yield* Effect.context()
  provider.onRequest = ({ method, path }) =>
    method === "DELETE" && path === "policies/policy-4"
      ? Effect.runPromiseWith(context)(
          Effect.asVoid(sql`DELETE FROM msp.assignments WHERE email = ${emailOf("Nora")} AND customer_id = 'contoso'`)
        )
      : Promise.resolve()
  yield* tell(yield* work([run]))
  yield* Console.log(`  policies the provider still has: ${[...estate.policies.keys()].sort().join(", ")}`)
})
