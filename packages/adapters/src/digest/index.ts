/** Digests for the domain, which computes none itself. */
export { sha256Hex } from "./sha256.ts"
