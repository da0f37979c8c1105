import { assert, it } from "@effect/vitest"
import { sha256Hex } from "../../../packages/adapters/src/digest/index.ts"

it("is SHA-256 of the text as UTF-8 (the vectors of FIPS 180-4, and one beyond ASCII)", () => {
  const vectors = {
    "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    abc: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "\u20AC\u{1F512}": "2435465bca6f6c5fe64180cdbfe3badc9927b85b564158f49b069d8876ca71ed"
  }
  for (const [text, digest] of Object.entries(vectors)) assert.strictEqual(sha256Hex(text), digest)
})
