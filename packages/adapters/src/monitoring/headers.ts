/** What every response says to browsers and caches. */
import { HttpServerResponse } from "effect/http"

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'"
].join("; ")

const ALWAYS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()"
}

/** Of a page or a stream: for this viewer alone, and for now. */
export const forThisViewer = (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.setHeaders(response, {
    ...ALWAYS,
    "cache-control": "private, no-store",
    vary: "cookie, authorization"
  })

/** Of an asset: for everybody, and for ever. */
export const forEver = (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.setHeaders(response, { ...ALWAYS, "cache-control": "public, max-age=31536000, immutable" })
