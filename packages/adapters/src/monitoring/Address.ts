/** Where the pages are. */
import type { RunId } from "@countersign/domain"

/** The list. */
export const LIST = "/admin/operations"
/** What the list sends when it changes. */
export const LIST_LIVE = `${LIST}/live`
/** Style and scripts. */
export const ASSETS = `${LIST}/assets`
/** Where a demo's viewer is chosen. */
export const VIEWER = `${LIST}/viewer`

/** A run's page. */
export const runAddress = (id: RunId): string => `${LIST}/${id}`
/** What a run's page sends when it changes. */
export const runLiveAddress = (id: RunId): string => `${LIST}/${id}/live`
