/** SHA-256, for the identity of runs. */
import { hash } from "node:crypto"
import type { Digest } from "@countersign/domain"

/** The SHA-256 of the text as UTF-8: 64 lower-case hexadecimal digits. Contract section 8. */
export const sha256Hex: Digest = (text) => hash("sha256", text, "hex")
