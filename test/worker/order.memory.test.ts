import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { AuthorityBook } from "@countersign/adapters/testing"
import { Effect, Layer } from "effect"
import { orderLaws } from "./orderLaws.ts"

const layerBook = Layer.effect(AuthorityBook, Effect.map(MemoryAuthority, AuthorityBook.of))

orderLaws("memory", Layer.provideMerge(layerBook, layerMemory))
