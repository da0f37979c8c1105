/** The last hours as a picture: how runs ended, hour by hour, and why they were blocked. The same as a table, for whom a picture is none. */
import { outcomeBadges, type ReasonCode, type RecentEnds, type RunOutcome, reasonLabels } from "@countersign/domain"
import { type Html, html, instant, NOTHING } from "../Html.ts"
import { addressOf, type ListRequest } from "../ListRequest.ts"

/** Which hours are drawn. */
export interface Hours {
  readonly fromMillis: number
  readonly count: number
  readonly lengthMillis: number
}

/** From below upwards: what went well lies at the bottom, what needs somebody on top. */
const STACK: ReadonlyArray<RunOutcome> = ["succeeded", "cancelled", "partially_succeeded", "blocked", "failed"]

const WIDTH = 720
const HEIGHT = 120
const GAP = 5

interface Bar {
  readonly fromMillis: number
  readonly counts: ReadonlyArray<readonly [RunOutcome, number]>
  readonly sum: number
}

const barsOf = ({ counts }: RecentEnds, { fromMillis, count, lengthMillis }: Hours): ReadonlyArray<Bar> =>
  Array.from({ length: count }, (_, at) => {
    const begin = fromMillis + at * lengthMillis
    const own = counts.filter((end) => end.fromMillis === begin)
    const stacked = STACK.map((outcome): readonly [RunOutcome, number] => [
      outcome,
      own.reduce((sum, end) => (end.outcome === outcome ? sum + end.count : sum), 0)
    ])
    return { fromMillis: begin, counts: stacked, sum: stacked.reduce((sum, [, of]) => sum + of, 0) }
  })

const hourOf = (millis: number): string => `${new Date(millis).toISOString().slice(11, 13)}:00`

/** What is there is seen: no part is drawn smaller than this. */
const LEAST = 2

const drawn = ({ counts }: Bar, at: number, most: number, width: number): Html => {
  let top = HEIGHT
  return html`${counts.map(([outcome, count]) => {
    if (count === 0) return NOTHING
    const height = Math.max(LEAST, (count / most) * (HEIGHT - 8))
    top -= height
    return html`<rect class="end-${outcome}" x="${(at * width + GAP / 2).toFixed(1)}" y="${top.toFixed(1)}" width="${(width - GAP).toFixed(1)}" height="${height.toFixed(1)}"/>`
  })}`
}

const chart = (bars: ReadonlyArray<Bar>): Html => {
  const most = Math.max(1, ...bars.map(({ sum }) => sum))
  const width = WIDTH / bars.length
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true" focusable="false">
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="6" height="6"/><rect class="hatch-line" width="2" height="6"/></pattern></defs>
${bars.map((bar, at) => drawn(bar, at, most, width))}
<line class="ground" x1="0" x2="${WIDTH}" y1="${HEIGHT - 0.5}" y2="${HEIGHT - 0.5}"/></svg>`
}

const legend = (bars: ReadonlyArray<Bar>): Html => {
  const present = STACK.toReversed().filter((outcome) =>
    bars.some(({ counts }) => counts.some(([one, count]) => one === outcome && count > 0))
  )
  return html`<ul class="legend" aria-hidden="true">${present.map(
    (outcome) =>
      html`<li><svg viewBox="0 0 12 12" width="12" height="12"><rect class="end-${outcome}" width="12" height="12" rx="2"/></svg>${outcomeBadges[outcome].label}</li>`
  )}</ul>`
}

const table = (bars: ReadonlyArray<Bar>): Html => html`<details class="more"><summary>As a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Ends by the hour"><table class="plain"><thead><tr><th scope="col">Hour (UTC)</th>${STACK.map(
  (outcome) => html`<th scope="col">${outcomeBadges[outcome].label}</th>`
)}</tr></thead><tbody>${bars
  .filter(({ sum }) => sum > 0)
  .map(
    (bar) =>
      html`<tr><th scope="row">${instant(bar.fromMillis, hourOf(bar.fromMillis))}</th>${bar.counts.map(([, count]) => html`<td>${count}</td>`)}</tr>`
  )}</tbody></table></div></details>`

const reasonsOf = ({ counts }: RecentEnds): ReadonlyArray<readonly [ReasonCode, number]> => {
  const sums = new Map<ReasonCode, number>()
  for (const { reason, count } of counts) if (reason !== null) sums.set(reason, (sums.get(reason) ?? 0) + count)
  return [...sums].toSorted(([, one], [, other]) => other - one)
}

const reasons = (request: ListRequest, ends: RecentEnds): Html => {
  const sums = reasonsOf(ends)
  const most = Math.max(1, ...sums.map(([, count]) => count))
  if (sums.length === 0) return html`<p class="quiet">Nothing was blocked.</p>`
  return html`<ol class="reasons">${sums.map(
    ([
      code,
      count
    ]) => html`<li><a href="${addressOf({ workspace: request.workspace, fields: { reason: code, time: "24h" } })}"><span>${
      reasonLabels[code]
    }</span> <b>${count}</b></a>
<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="track" width="100" height="4"/><rect class="end-blocked-plain" width="${((count / most) * 100).toFixed(1)}" height="4"/></svg></li>`
  )}</ol>`
}

/** The picture; a sentence when nothing ended. */
export const picture = (request: ListRequest, ends: RecentEnds, hours: Hours): Html => {
  const bars = barsOf(ends, hours)
  if (bars.every(({ sum }) => sum === 0)) return NOTHING
  const last = bars.at(-1)
  return html`<section class="picture" aria-label="The last hours">
<div><h2>How runs ended</h2>${chart(bars)}
<p class="axis" aria-hidden="true"><span>${hourOf(hours.fromMillis)}</span><span>UTC</span><span>${last === undefined ? "" : `${hourOf(last.fromMillis)}–now`}</span></p>
${legend(bars)}${table(bars)}</div>
<div><h2>Why runs were blocked</h2>${reasons(request, ends)}</div>
</section>`
}
