/** The list of a workspace's runs. */
import {
  type ActiveCounts,
  agoInWords,
  type BoardPage,
  type Catalogue,
  millisOfId,
  type Pause,
  type RecentEnds,
  type WorkspaceId
} from "@countersign/domain"
import { LIST, LIST_LIVE } from "../Address.ts"
import { type Html, html, NOTHING, named } from "../Html.ts"
import { addressOf, FIELDS, type ListRequest } from "../ListRequest.ts"
import { type Choices, chosen, filterForm, misunderstandings } from "./filterForm.ts"
import type { Page } from "./layout.ts"
import { listTable } from "./listTable.ts"
import { type Hours, picture } from "./picture.ts"
import { summary } from "./summary.ts"

/** Everything the page shows. */
export interface ListContent {
  readonly request: ListRequest
  readonly workspaceId: WorkspaceId
  readonly workspaces: ReadonlyArray<WorkspaceId>
  readonly choices: Choices
  readonly catalogue: Catalogue
  readonly page: BoardPage
  /** What is paused. */
  readonly pauses: ReadonlyArray<Pause>
  readonly active: ActiveCounts
  readonly ends: RecentEnds
  readonly hours: Hours
  readonly nowMillis: number
}

const workspacePicker = ({ workspaceId, workspaces }: ListContent): Html => {
  if (workspaces.length < 2) return html`<p class="where">Workspace ${named(workspaceId)}</p>`
  return html`<form class="where" method="get" action="${LIST}"><label for="workspace">Workspace</label>
<select id="workspace" name="workspace">${workspaces.map(
    (id) => html`<option value="${id}"${id === workspaceId ? html` selected` : NOTHING}>${id}</option>`
  )}</select><button type="submit">Go</button></form>`
}

const older = ({ request, page }: ListContent): string | null => {
  if (request.at._tag !== "NewerThan") {
    return page.goesOnAt === null ? null : addressOf({ ...request, at: { _tag: "OlderThan", id: page.goesOnAt } })
  }
  const last = page.runs.at(-1)?.run.dispatch.id
  return last === undefined ? null : addressOf({ ...request, at: { _tag: "OlderThan", id: last } })
}

const newer = ({ request, page }: ListContent): string | null => {
  if (request.at._tag === "Newest") return null
  const first = page.runs[0]?.run.dispatch.id
  const goesOn = request.at._tag === "OlderThan" ? (first ?? null) : page.goesOnAt
  return goesOn === null ? null : addressOf({ ...request, at: { _tag: "NewerThan", id: goesOn } })
}

const pager = (content: ListContent): Html => {
  const { request } = content
  const links = [
    request.at._tag === "Newest"
      ? NOTHING
      : html`<a href="${addressOf({ ...request, at: { _tag: "Newest" } })}">Newest</a>`,
    newer(content) === null ? NOTHING : html`<a rel="prev" href="${newer(content)}">Newer</a>`,
    older(content) === null ? NOTHING : html`<a rel="next" href="${older(content)}">Older</a>`
  ]
  return html`<nav class="pager" aria-label="Pages">${links}</nav>`
}

/** A page that ended before everything was looked at says how far it looked. */
const cutShort = (content: ListContent): Html => {
  const { page, nowMillis } = content
  const further = content.request.at._tag === "NewerThan" ? newer(content) : older(content)
  if (!page.isCutShort || page.goesOnAt === null || further === null) return NOTHING
  return html`<p class="hint" role="status">Looked at the runs dispatched as far back as ${agoInWords(millisOfId(page.goesOnAt), nowMillis)}; there may be more beyond.
<a href="${further}">Look further</a></p>`
}

const nothing = ({ request, page }: ListContent): Html => {
  if (page.isCutShort) return html`<p class="empty">None of the runs that were looked at is like this.</p>`
  const isFiltered = FIELDS.some((field) => request.fields[field] !== undefined)
  return isFiltered
    ? html`<p class="empty">No run is like this. <a href="${addressOf({ workspace: request.workspace, fields: {} })}">Show all runs</a></p>`
    : html`<p class="empty">No runs yet. What is dispatched in this workspace appears here.</p>`
}

const isFiltered = ({ fields }: ListRequest): boolean => FIELDS.some((field) => fields[field] !== undefined)

/** The main part of the page. */
export const listMain = (content: ListContent): Html => {
  const { request, choices, page, active, ends, hours, nowMillis } = content
  const isEmpty = page.runs.length === 0 && page.unreadable.length === 0
  const isWhole = ends.sinceMillis <= hours.fromMillis
  const since = isWhole ? "in the last 24 hours" : `since ${agoInWords(ends.sinceMillis, nowMillis)}`
  return html`<div class="head"><h1>Operations</h1>${workspacePicker(content)}</div>
${summary(request, active, ends, since)}
${picture(request, ends, hours)}
<section class="list" aria-labelledby="runs">
<h2 id="runs">Runs</h2>
<details class="filter-fold"${isFiltered(request) ? html` open` : NOTHING}><summary>Filter</summary>${filterForm(request, choices)}</details>
${misunderstandings(request)}${chosen(request, choices)}
${isEmpty ? nothing(content) : listTable(page, content)}
${cutShort(content)}${pager(content)}
</section>`
}

/** What was asked for, of this workspace: whoever leaves it is not to be shown another one instead. */
const liveAddress = ({ request, workspaceId }: ListContent): string => {
  const params = new URLSearchParams(request.query)
  params.set("workspace", workspaceId)
  return `${LIST_LIVE}?${params}`
}

/** The page. */
export const listPage = (content: ListContent): Page => ({
  title: `Operations · ${content.workspaceId} – Countersign`,
  main: listMain(content),
  live: liveAddress(content)
})
