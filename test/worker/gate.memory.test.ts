import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { AuthorityBook } from "@countersign/adapters/testing"
import { Effect, Layer } from "effect"
import { gateLaws } from "./gateLaws.ts"

const layerBook = Layer.effect(AuthorityBook, Effect.map(MemoryAuthority, AuthorityBook.of))

gateLaws("memory", Layer.provideMerge(layerBook, layerMemory))
