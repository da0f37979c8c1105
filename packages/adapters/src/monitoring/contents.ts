/** What the two pages show, read for a viewer: nothing of it leaves before it is known that they may see it. */
import { AuditLog, type Catalogue, Pauses, RunBoard, type UserId, waitingOf } from "@countersign/domain"
import { Clock, Effect } from "effect"
import { type SeenRun, seenList, seenRun } from "./Access.ts"
import { filterOf, type ListRequest } from "./ListRequest.ts"
import type { ListContent } from "./pages/listPage.ts"
import type { RunContent } from "./pages/runPage.ts"

const HOUR_MILLIS = 60 * 60 * 1000
const HOURS = 24
const PAGE = 50
/** A page of runs may take to look at so many. */
const LOOK_THROUGH = 10_000
/** More active runs are told as so many and more. */
const MOST_ACTIVE = 1_000
/** The picture is drawn of so many ends. */
const MOST_ENDS = 5_000

/** The list for this viewer; null when there is none that they may see. */
export const listContent = Effect.fn("listContent")(function* (
  viewer: UserId,
  request: ListRequest,
  catalogue: Catalogue
) {
  const seen = yield* seenList(viewer, request.workspace, catalogue)
  if (seen.viewing === "hidden") return null
  const { scope, workspaces } = seen
  const board = yield* RunBoard
  const nowMillis = yield* Clock.currentTimeMillis
  const fromMillis = (Math.floor(nowMillis / HOUR_MILLIS) - HOURS + 1) * HOUR_MILLIS
  const asked = { scope, filter: filterOf(request, nowMillis), nowMillis, at: request.at }
  const [page, active, ends, pauses] = yield* Effect.all(
    [
      board.page({ ...asked, limit: PAGE, lookThrough: LOOK_THROUGH }),
      board.active(scope, MOST_ACTIVE),
      board.ends({ scope, sinceMillis: fromMillis, stretchMillis: HOUR_MILLIS, lookThrough: MOST_ENDS }),
      (yield* Pauses).list
    ],
    { concurrency: 4 }
  )
  const content: ListContent = {
    request: { ...request, workspace: workspaces.length > 1 ? scope.workspaceId : request.workspace },
    workspaceId: scope.workspaceId,
    workspaces,
    choices: { catalogue, operationTypes: scope.operationTypes, tenants: scope.tenants },
    catalogue,
    page,
    pauses,
    active,
    ends,
    hours: { fromMillis, count: HOURS, lengthMillis: HOUR_MILLIS },
    nowMillis
  }
  return content
})

/** A run for this viewer, or why it is not shown. */
export const runContent = Effect.fn("runContent")(function* (viewer: UserId, id: string, catalogue: Catalogue) {
  const seen: SeenRun = yield* seenRun(viewer, id, catalogue)
  if (seen.viewing !== "visible") return seen.viewing
  const log = yield* AuditLog
  const { found } = seen
  const [decisions, audit, pauses] = yield* Effect.all(
    [log.decisionsOf(found.run.dispatch.id), log.recordsOf(found.run.dispatch.id), (yield* Pauses).list],
    { concurrency: 3 }
  )
  const nowMillis = yield* Clock.currentTimeMillis
  const waiting = waitingOf(found.run, pauses, nowMillis)
  const content: RunContent = { found, waiting, decisions, audit, catalogue, nowMillis }
  return content
})
