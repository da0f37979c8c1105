/** A host that answers facts itself: the gate decides on its word, and records that no fence stood around it. */
import { HostFacts, layerLog, layerMemory } from "@countersign/adapters"
import { AuditLog, Capability, Catalogue, NOTHING_KNOWN, Operation, UserId, WorkspaceId } from "@countersign/domain"
import { Countersign, Handler, Worker } from "@countersign/worker"
import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Layer, Schema } from "effect"

const work = Operation.make({
  type: "host.work",
  capability: "host.work",
  payload: Schema.Struct({}),
  result: Schema.Void
})
const catalogue = Catalogue.make([work])
const workspaceId = WorkspaceId.make("north")
const ada = UserId.make("ada")

const hostFacts = HostFacts.layer({
  source: "the host's directory",
  maxAgeMillis: 1_000,
  deadlineMillis: 1_000,
  read: (requests) =>
    Effect.map(Clock.currentTimeMillis, (asOfMillis) =>
      requests.map(() => ({
        asOfMillis,
        facts: {
          ...NOTHING_KNOWN,
          workspace: { id: workspaceId, open: true },
          initiator: { id: ada, disabled: false },
          membership: { workspaceId, userId: ada, capabilities: [Capability.make("host.work")] }
        }
      }))
    )
})

const app = Layer.mergeAll(Countersign.layer({ catalogue }), layerLog).pipe(
  Layer.provideMerge(hostFacts),
  Layer.provideMerge(layerMemory)
)

layer(app, { excludeTestServices: true })("facts of a host's own", (it) => {
  it.effect("decide the run, with their source and without an epoch", () =>
    Effect.gen(function* () {
      const gate = yield* Countersign
      const { run } = yield* gate.dispatch({ operation: work, payload: {}, workspaceId, initiator: ada })
      yield* Effect.flatMap(Worker, (worker) => worker.drained).pipe(
        Effect.provide(
          Worker.layer({
            catalogue,
            handlers: [Handler.make(work, (_, { checkpoint }) => checkpoint)],
            pollMillis: 20
          })
        )
      )
      assert.strictEqual((yield* gate.find(run.dispatch.id))._tag, "Succeeded")
      const log = yield* AuditLog
      const decisions = yield* log.decisionsOf(run.dispatch.id)
      assert.deepStrictEqual(
        decisions.map(({ epoch, sources }) => [epoch, sources.workspace]),
        Array.from({ length: 2 }, () => [null, "the host's directory"])
      )
    })
  )
})
