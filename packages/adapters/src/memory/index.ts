/** The ports in memory: for tests, demos and hosts that need no more. */

export type { MemoryUser } from "./AuthorityTables.ts"
export { layerInbox, MemoryInbox } from "./Inbox.ts"
export { layerMemory } from "./layerMemory.ts"
export { MemoryAuthority } from "./MemoryAuthority.ts"
