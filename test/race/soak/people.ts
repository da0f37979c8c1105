/** What people do while workers work: dispatch, schedule, pause, cancel, do again, and change each other's authority. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { isCompleted, MissedSlots, Priority, type Run, RunStore } from "@countersign/domain"
import { Countersign } from "@countersign/worker"
import { Clock, Effect } from "effect"
import { manager, readonly } from "../../worker/support/world.ts"
import type { Chance } from "../support/chance.ts"
import type { Corner } from "../support/corner.ts"
import { backup, personal } from "./operations.ts"

/** So few that many dispatches meet an active run of their identity. */
const NUMBERS = 60

/** Dispatches a run of some kind: a person's or the system's, now or later, with more or less time to wait. */
export const dispatchOne = Effect.fnUntraced(function* (corners: ReadonlyArray<Corner>, chance: Chance) {
  const gate = yield* Countersign
  const { initiator, ...target } = chance.oneOf(corners)
  const nowMillis = yield* Clock.currentTimeMillis
  const common = {
    ...target,
    payload: { number: chance.below(NUMBERS) },
    priority: chance.oneOf(Priority.literals),
    ...(chance.below(4) === 0 ? { availableAtMillis: nowMillis + chance.below(20_000) } : {}),
    ...(chance.below(6) === 0 ? { expiresAtMillis: nowMillis + 21_000 + chance.below(20_000) } : {})
  }
  return chance.below(6) === 0
    ? yield* gate.dispatch({ ...common, operation: backup, systemAuthority: true })
    : yield* gate.dispatch({ ...common, operation: chance.oneOf(personal), initiator })
})

const someRun = (chance: Chance, fits: (run: Run) => boolean) =>
  Effect.gen(function* () {
    const { runs } = yield* (yield* RunStore).list({ limit: 100 })
    const fitting = runs.filter(fits)
    return fitting.length === 0 ? undefined : chance.oneOf(fitting)
  })

/** Calls off a run that was active a moment ago. */
export const cancelOne = Effect.fnUntraced(function* (chance: Chance) {
  const run = yield* someRun(chance, (one) => !isCompleted(one))
  if (run === undefined) return
  const gate = yield* Countersign
  // It may have ended meanwhile: then it says so, and nothing changes.
  yield* Effect.catchTag(
    gate.cancel(run.dispatch.id, { kind: "system", id: null }),
    "IllegalTransition",
    () => Effect.void
  )
})

/** Has a completed run done again. */
export const retryOne = Effect.fnUntraced(function* (chance: Chance) {
  const run = yield* someRun(chance, isCompleted)
  if (run !== undefined) yield* (yield* Countersign).retry(run.dispatch.id, null)
})

/** Has a backup of the tenant made every minute, and every minute that was missed made up for. */
export const scheduleBackup = Effect.fnUntraced(function* ({ initiator, ...target }: Corner) {
  const gate = yield* Countersign
  return yield* gate.addSchedule({
    ...target,
    id: `backup of ${target.tenantId}`,
    by: { id: initiator },
    operation: backup,
    payload: { number: 0 },
    cron: "* * * * *",
    zone: "UTC",
    missed: MissedSlots.cases.All.make({ limit: 100 })
  })
})

/** Pauses an operation, a workspace, or an operation in a workspace for a while. */
export const pauseAWhile = Effect.fnUntraced(function* (corners: ReadonlyArray<Corner>, chance: Chance) {
  const gate = yield* Countersign
  const operationType = chance.oneOf([...personal, backup]).type
  const { workspaceId } = chance.oneOf(corners)
  const scope = chance.oneOf([{ operationType }, { workspaceId }, { operationType, workspaceId }])
  yield* gate.pause({ ...scope, by: "soak", reason: "a while" })
  yield* Effect.sleep(chance.below(5_000))
  yield* gate.resume({ ...scope, by: "soak" })
})

/** Takes authority in one way, or gives it back. */
export const changeAuthority = Effect.fnUntraced(function* (corner: Corner, chance: Chance) {
  const book = yield* AuthorityBook
  const { initiator, tenantId, workspaceId, providerConnectionId } = corner
  // Seldom taken: what is asked of several facts at once would else hardly ever be legitimate.
  const given = chance.below(8) > 0
  switch (chance.below(7)) {
    case 0:
      return yield* book.setMembership(workspaceId, initiator, given ? manager : readonly)
    case 1:
      return yield* given ? book.setEntitlement(initiator, tenantId) : book.removeEntitlement(initiator, tenantId)
    case 2:
      return yield* book.setUser({ id: initiator, name: `The one of ${workspaceId}`, disabled: !given })
    case 3:
      return yield* book.setTenant({ id: tenantId, workspaceId, state: given ? "active" : "archived" })
    case 4:
      return yield* book.setConnection({
        id: providerConnectionId,
        workspaceId,
        tenantId,
        enabled: given,
        connected: true
      })
    case 5:
      return yield* book.setWorkspace({ id: workspaceId, open: given })
    default:
      return yield* book.setWriteGate({
        tenantId,
        health: given ? "ok" : "failed",
        checkedAtMillis: yield* Clock.currentTimeMillis
      })
  }
})

/** Gives back everything that {@link changeAuthority} can take. */
export const setRight = Effect.fnUntraced(function* ({
  initiator,
  tenantId,
  workspaceId,
  providerConnectionId
}: Corner) {
  const book = yield* AuthorityBook
  yield* book.setWorkspace({ id: workspaceId, open: true })
  yield* book.setUser({ id: initiator, name: `The one of ${workspaceId}`, disabled: false })
  yield* book.setMembership(workspaceId, initiator, manager)
  yield* book.setTenant({ id: tenantId, workspaceId, state: "active" })
  yield* book.setEntitlement(initiator, tenantId)
  yield* book.setConnection({ id: providerConnectionId, workspaceId, tenantId, enabled: true, connected: true })
  yield* book.setWriteGate({ tenantId, health: "ok", checkedAtMillis: yield* Clock.currentTimeMillis })
})
