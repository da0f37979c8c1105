import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { AuthorityBook } from "@countersign/adapters/testing"
import { Effect, Layer } from "effect"
import { scheduleLaws } from "./scheduleLaws.ts"

const layerBook = Layer.effect(AuthorityBook, Effect.map(MemoryAuthority, AuthorityBook.of))

scheduleLaws("memory", Layer.provideMerge(layerBook, layerMemory))
