/** Effect layers for the domain's ports, one folder per technology. */
export * from "./digest/sha256.ts"
export * from "./memory/index.ts"
