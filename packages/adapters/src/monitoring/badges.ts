/** Badges: the domain's labels and tones, with a picture, so that no state is told by colour alone. */
import {
  type Badge,
  type Freshness,
  freshnessInWords,
  type Run,
  standingBadgeOf,
  type WaitingFor,
  wireStateOf
} from "@countersign/domain"
import { type Html, html, NOTHING } from "./Html.ts"
import { type IconName, icon } from "./icons.ts"

const iconOf = (run: Run, waiting: WaitingFor | null): IconName => {
  if (run._tag === "Queued") return run.held === null && waiting?._tag !== "Resume" ? "queued" : "held"
  const { outcome } = wireStateOf[run._tag]
  return outcome === "pending" ? "running" : outcome
}

/** A badge with its picture. */
export const badge = ({ label, tone }: Badge, name: IconName): Html =>
  html`<span class="badge tone-${tone}">${icon(name)}${label}</span>`

/** How a run stands. */
export const stateBadge = (run: Run, waiting: WaitingFor | null): Html =>
  badge(standingBadgeOf(run, waiting), iconOf(run, waiting))

/** A word of warning about a run that does not get on; nothing about any other. */
export const freshnessBadge = (freshness: Freshness): Html =>
  freshness === "likely_stale" || freshness === "reconciled_failed"
    ? badge(freshnessInWords[freshness], "stale")
    : NOTHING
