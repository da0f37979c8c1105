/**
 * The laws of each port, for whoever writes an adapter: give them a layer, in a test file, and they become tests.
 * They need `vitest` and `@effect/vitest`; nothing else of this package imports them.
 */
export * from "./AuditLogLaws.ts"
export * from "./AuthorityBook.ts"
export * from "./BoardLaws.ts"
export * from "./EventsLaws.ts"
export * from "./FactsLaws.ts"
export * from "./FenceLaws.ts"
export * from "./HoldLaws.ts"
export * from "./hostile.ts"
export type { RunPorts } from "./laws.ts"
export * from "./NoticesLaws.ts"
export * from "./PauseLaws.ts"
export * from "./RunQueueLaws.ts"
export * from "./RunStoreLaws.ts"
export * from "./rulings.ts"
export * from "./runs.ts"
export * from "./SchedulesLaws.ts"
export * from "./UnitOfWorkLaws.ts"
export * from "./World.ts"
