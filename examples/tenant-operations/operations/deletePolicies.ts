/** Bulk: many policies of a customer, deleted at the provider in chunks. */
import { Operation, type RunFailure } from "@countersign/domain"
import { Handler, PartialSuccess } from "@countersign/worker"
import { Array as Arrays, Effect, Schema } from "effect"
import { targetOf } from "./Target.ts"

/** Writes, and only while the customer's changes are not frozen: a prerequisite of the host's own (`host/authority.ts`). */
export const deletePolicies = Operation.make({
  type: "policy.bulk_delete",
  label: "Delete policies in bulk",
  capability: "policy.delete",
  providerConnection: true,
  writes: true,
  prerequisites: ["change_window_open"],
  payload: Schema.Struct({ policyIds: Schema.Array(Schema.NonEmptyString) }),
  result: Schema.Struct({ deleted: Schema.Int }),
  countKeys: ["deleted", "failed"]
})

/** How many policies are deleted before the gate is asked again. */
const CHUNK = 3

/**
 * A chunk is finished once it is begun; right after it the gate is asked, and a run that is not legitimate any more ends there, with
 * its counts. A policy that is gone already counts as deleted: an earlier attempt may have done it. The run keeps the first
 * twenty failures; `failed` counts them all.
 */
export const deletePoliciesHandler = Handler.make(deletePolicies, ({ policyIds }, context) =>
  Effect.gen(function* () {
    const { connector } = yield* targetOf(context)
    const failures: Array<RunFailure> = []
    let deleted = 0
    const deleteOne = Effect.fnUntraced(function* (id: string) {
      const found = yield* connector.deletePolicy(id)
      if (found === "locked") failures.push({ code: "policy.locked", message: `The policy ${id} is locked.` })
      else deleted += 1
      yield* context.reportCounts({ deleted, failed: failures.length })
    })
    for (const some of Arrays.chunksOf(policyIds, CHUNK)) {
      yield* context.chunk(Effect.forEach(some, deleteOne, { discard: true }))
    }
    const [first, ...others] = failures
    return first === undefined ? { deleted } : new PartialSuccess({ deleted }, [first, ...others])
  })
)
