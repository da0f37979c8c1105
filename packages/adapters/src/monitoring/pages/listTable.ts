/** The runs of a list. */
import {
  agoInWords,
  type BoardPage,
  type BoardRun,
  type Catalogue,
  durationInWords,
  freshnessOf,
  isCompleted,
  type Pause,
  type Run,
  type RunUnreadable,
  standingOf,
  starterOf,
  type WaitingFor,
  waitingOf
} from "@countersign/domain"
import { runAddress } from "../Address.ts"
import { freshnessBadge, stateBadge } from "../badges.ts"
import { asSentence, type Html, html, instant, NOTHING, named } from "../Html.ts"

/** What else is known while a list is shown. */
export interface Surroundings {
  readonly catalogue: Catalogue
  readonly nowMillis: number
  /** What is paused. */
  readonly pauses: ReadonlyArray<Pause>
}

/** How the operation is called. */
export const operationLabel = ({ dispatch: { subject } }: Run, { operations }: Catalogue): string =>
  operations.get(subject.operationType)?.label ?? subject.operationType

/** How long it ran, or has run so far; null for a run that never started. */
export const ranFor = (run: Run, nowMillis: number): number | null => {
  if (run.startedAtMillis === null) return null
  const untilMillis = isCompleted(run) ? run.completedAtMillis : nowMillis
  return Math.max(0, untilMillis - run.startedAtMillis)
}

const MOST_WORDS = 180

/** What there is to say beside the badge. */
const saying = (run: Run, waiting: WaitingFor | null): Html => {
  const [, words] = standingOf(run, waiting)[0].split(/ — (.*)/s)
  if (words === undefined) return NOTHING
  const isLong = words.length > MOST_WORDS
  return html`<span class="saying">${named(asSentence(isLong ? `${words.slice(0, MOST_WORDS).toWellFormed()}…` : words))}</span>`
}

const took = (run: Run, nowMillis: number): Html => {
  const millis = ranFor(run, nowMillis)
  if (millis === null) return html`<span class="quiet">${isCompleted(run) ? "never started" : "not started"}</span>`
  return html`${durationInWords(millis)}${run._tag === "Running" ? " so far" : ""}`
}

const row = ({ run, leaseUntilMillis }: BoardRun, { catalogue, nowMillis, pauses }: Surroundings): Html => {
  const waiting = waitingOf(run, pauses, nowMillis)
  const { id, subject, dispatchedAtMillis } = run.dispatch
  const freshness = freshnessOf(run, { nowMillis, leaseUntilMillis })
  return html`<tr id="run-${id}" role="row">
<td role="cell" class="state">${stateBadge(run, waiting)}${isCompleted(run) ? NOTHING : freshnessBadge(freshness)}${saying(run, waiting)}</td>
<th role="rowheader" scope="row"><a href="${runAddress(id)}">${named(operationLabel(run, catalogue))}</a></th>
<td role="cell" data-label="Tenant">${subject.scope.tenantId === null ? html`<span class="quiet">whole workspace</span>` : named(subject.scope.tenantId)}</td>
<td role="cell" data-label="Started by">${named(starterOf(run))}</td>
<td role="cell" data-label="Dispatched">${instant(dispatchedAtMillis, agoInWords(dispatchedAtMillis, nowMillis))}</td>
<td role="cell" data-label="Ran for">${took(run, nowMillis)}</td>
</tr>`
}

const unreadableRow = ({ runId }: RunUnreadable): Html =>
  html`<tr role="row"><td role="cell" colspan="6" class="quiet">The stored run ${named(runId)} cannot be read.</td></tr>`

/** The table. */
export const listTable = ({ runs, unreadable }: BoardPage, surroundings: Surroundings): Html => html`
<table class="runs" role="table"><caption class="visually-hidden">Runs, the newest first</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Operation</th><th role="columnheader" scope="col">Tenant</th><th role="columnheader" scope="col">Started by</th><th role="columnheader" scope="col">Dispatched</th><th role="columnheader" scope="col">Ran for</th></tr></thead>
<tbody role="rowgroup">${runs.map((run) => row(run, surroundings))}${unreadable.map(unreadableRow)}</tbody></table>`
