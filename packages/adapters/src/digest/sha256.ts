/** The digest behind run identities. Contract section 8. */
import { createHash } from "node:crypto"
import type { Digest } from "@countersign/domain"

/** SHA-256 of the text's UTF-8 bytes, as 64 lower-case hexadecimal digits. */
export const sha256Hex: Digest = (text) => createHash("sha256").update(text, "utf8").digest("hex")
