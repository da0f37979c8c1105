/**
 * Who may see what, asked of the facts of this moment. A run that is missing, one of another workspace and one of another tenant
 * take the same steps and come out the same.
 *
 * Contract section 9.
 */
import {
  type BoardRun,
  type BoardScope,
  type Catalogue,
  Entitlements,
  everyViewCapability,
  Facts,
  type FactsUnavailable,
  NOTHING_KNOWN,
  RunBoard,
  RunId,
  type StoreUnavailable,
  TenantId,
  type UserId,
  VIEW,
  type ViewedScope,
  type Viewing,
  viewCapabilitiesFor,
  viewingOf,
  viewOf,
  viewQuestions,
  visibleTypes,
  WorkspaceId
} from "@countersign/domain"
import { Effect, Schema } from "effect"

/** What stands in the way of knowing. */
export type AccessTrouble = FactsUnavailable | StoreUnavailable

/** A run to be shown, or why none is. */
export type SeenRun =
  | { readonly viewing: "visible"; readonly found: BoardRun }
  | { readonly viewing: Exclude<Viewing, "visible"> }

/** A list to be shown, or that there is none. */
export type SeenList =
  | { readonly viewing: "visible"; readonly scope: BoardScope; readonly workspaces: ReadonlyArray<WorkspaceId> }
  | { readonly viewing: "hidden" }

/** The same questions wherever they are about, so that what they are about cannot be told from how long they take. */
const view = Effect.fnUntraced(function* (viewer: UserId, scope: ViewedScope, catalogue: Catalogue) {
  const requests = viewQuestions(viewer, scope, everyViewCapability(catalogue))
  const readings = yield* (yield* Facts).read(requests)
  const answers = requests.map((request, at) => ({ request, facts: readings[at]?.facts ?? NOTHING_KNOWN }))
  return viewOf(answers)
})

const isRunId = Schema.is(RunId)
const isWorkspaceId = Schema.is(WorkspaceId)

/** Names that nobody gave to anything: what is missing is asked about there, where there is nothing. */
const NOTHING = {
  operationType: VIEW,
  scope: { workspaceId: WorkspaceId.make(VIEW), tenantId: TenantId.make(VIEW) }
}

/** What cannot be read cannot be shown to be anybody's. */
const foundRun = Effect.fnUntraced(function* (id: string) {
  if (!isRunId(id)) return null
  return yield* (yield* RunBoard).find(id).pipe(
    Effect.catchTag("RunNotFound", () => Effect.succeed(null)),
    Effect.catchTag("RunUnreadable", ({ message }) => Effect.as(Effect.logWarning(message), null))
  )
})

/** Whether this person may see this run, and the run if they may. */
export const seenRun = Effect.fn("seenRun")(function* (
  viewer: UserId,
  id: string,
  catalogue: Catalogue
): Effect.fn.Return<SeenRun, AccessTrouble, Facts | RunBoard> {
  const found = yield* foundRun(id)
  const { scope, operationType } = found?.run.dispatch.subject ?? NOTHING
  const seen = yield* view(viewer, scope, catalogue)
  const viewing = viewingOf(seen, viewCapabilitiesFor(catalogue, operationType))
  if (viewing !== "visible") return { viewing }
  return found === null ? { viewing: "hidden" } : { viewing, found }
})

/** Whether this person may see the list of this workspace, of which tenants and types; of their first one when none is named. */
export const seenList = Effect.fn("seenList")(function* (
  viewer: UserId,
  workspace: string | null,
  catalogue: Catalogue
): Effect.fn.Return<SeenList, AccessTrouble, Facts | Entitlements> {
  const { workspaces, tenants } = yield* (yield* Entitlements).of(viewer)
  const named = workspace ?? workspaces[0]
  const workspaceId = isWorkspaceId(named) ? named : NOTHING.scope.workspaceId
  const seen = yield* view(viewer, { workspaceId, tenantId: null }, catalogue)
  if (seen === null) return { viewing: "hidden" }
  const scope = { workspaceId, tenants, operationTypes: visibleTypes(catalogue, seen) }
  return { viewing: "visible", scope, workspaces }
})
