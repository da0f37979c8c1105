import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { AuthorityBook } from "@countersign/adapters/testing"
import { Effect, Layer } from "effect"
import { pathLaws } from "./pathLaws.ts"

const layerBook = Layer.effect(AuthorityBook, Effect.map(MemoryAuthority, AuthorityBook.of))

pathLaws("memory", Layer.provideMerge(layerBook, layerMemory))
