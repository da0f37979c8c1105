/** Monitoring: two pages, read-only, and who is looking at them. */

export { LIST as MONITORING_ADDRESS } from "./Address.ts"
export * from "./identity/demoViewer.ts"
export * from "./identity/fixedViewer.ts"
export * from "./identity/headerViewer.ts"
export * from "./identity/tokenViewer.ts"
export * from "./Monitoring.ts"
export * from "./Viewer.ts"
