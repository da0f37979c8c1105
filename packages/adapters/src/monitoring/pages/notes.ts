/** Pages that say that there is nothing to show, and why as far as the viewer may know. */
import { LIST } from "../Address.ts"
import { type Html, html } from "../Html.ts"
import type { Page } from "./layout.ts"

/** A page without runs, and its status. */
export interface Note extends Page {
  readonly status: number
}

const note = (status: number, title: string, text: string, more: Html): Note => ({
  status,
  title: `${title} – Countersign`,
  live: null,
  main: html`<section class="note"><h1>${title}</h1><p>${text}</p>${more}</section>`
})

const BACK = html`<p><a href="${LIST}">To the list of runs</a></p>`

/** The same for what is missing and for what is somebody else's. */
export const NOT_FOUND = note(404, "Nothing here", "There is no such page, or it is not yours to see.", BACK)

/** In scope, but not without a permission. */
export const FORBIDDEN = note(
  403,
  "Not yours to see",
  "Runs of this operation can only be seen with a permission that you do not have. An administrator of the workspace can give it to you.",
  BACK
)

/** Nobody that is known. */
export const NOT_SIGNED_IN = note(
  401,
  "Not signed in",
  "This page does not know who you are. Sign in to the application it belongs to, and come back.",
  html``
)

/** It cannot be known at the moment. */
export const UNAVAILABLE = note(
  503,
  "Not available at the moment",
  "What is needed to show this page could not be read. Nothing is lost; try again in a moment.",
  html``
)

/** What the main part of a page becomes when its viewer may not see it any more. */
export const gone = (reason: string): Html =>
  html`<section class="note" role="status"><h1>This page has ended</h1><p>${reason}</p>${BACK}</section>`
