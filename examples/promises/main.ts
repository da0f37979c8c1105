/** The gate without Effect: async handlers, and everything as promises. */
import { headlineOf, Operation } from "@countersign/domain"
import { AttemptFailed, openCountersign, PromiseHandler } from "@countersign/worker"
import { Schema } from "effect"

const syncInventory = Operation.make({
  type: "inventory_sync",
  capability: "inventory.sync",
  payload: Schema.Struct({ shelf: Schema.String }),
  result: Schema.Struct({ items: Schema.Int })
})

const gate = await openCountersign({
  database: {},
  operations: [syncInventory],
  handlers: [
    PromiseHandler.fromPromise(syncInventory, async ({ shelf }, { checkpoint, signal }) => {
      if (shelf === "")
        throw new AttemptFailed({ code: "shelf.unnamed", message: "The shelf has no name.", retry: false })
      await checkpoint()
      signal.throwIfAborted()
      return { items: shelf.length }
    })
  ],
  notify: async ({ recipient, title }) => console.log(`to ${recipient}: ${title}`)
})

await gate.query("INSERT INTO countersign.workspaces (id, open) VALUES ('north', true)")
await gate.query("INSERT INTO countersign.users (id, name, disabled) VALUES ('ada', 'Ada', false)")
await gate.query("INSERT INTO countersign.roles (workspace_id, role) VALUES ('north', 'operator')")
await gate.query("INSERT INTO countersign.role_capabilities VALUES ('north', 'operator', 'inventory.sync')")
await gate.query("INSERT INTO countersign.memberships VALUES ('north', 'ada', 'operator')")

const sync = (shelf: string) =>
  gate.dispatch({ operation: syncInventory, payload: { shelf }, workspaceId: "north", initiator: "ada" })

/** A worker for as long as there is work; a host would keep one, and stop it when it stops itself. */
const drain = async () => {
  const worker = await gate.work({ pollMillis: 50 })
  await worker.drained()
  await worker.stop()
}

// The first run is worked on while Ada may; the second waits, and meanwhile she leaves the workspace.
const first = await sync("shelf-1")
await drain()
const second = await sync("shelf-2")
await gate.query("DELETE FROM countersign.memberships WHERE user_id = $1", ["ada"])
await drain()

// Many runs at once: all of them are stored or none, and each will be decided for itself when a worker gets to it.
const shelves = Array.from({ length: 1_000 }, (_, number) => `shelf-${number}`)
const dispatched = await gate.dispatchAll(
  shelves.map((shelf) => ({ operation: syncInventory, payload: { shelf }, workspaceId: "north", initiator: "ada" }))
)
console.log(`${dispatched.filter(({ deduped }) => !deduped).length} of ${dispatched.length} runs are new`)

for (const { run } of [first, second]) console.log(headlineOf(await gate.find(run.dispatch.id)))
await gate.close()
