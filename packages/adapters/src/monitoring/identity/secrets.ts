/** Comparing secrets. */
import { createHash, timingSafeEqual } from "node:crypto"

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Whether this is the secret; how long it takes tells nothing about it. */
export const isSameSecret = (given: string | undefined, secret: string): boolean =>
  given !== undefined && secret !== "" && timingSafeEqual(digest(given), digest(secret))
