#!/usr/bin/env node
/** The binary. What it loads is compiled once for many starts. */
import * as nodeModule from "node:module"
import { isNewEnough, tooOld } from "./cli/nodeVersion.ts"

if (isNewEnough(process.versions.node)) {
  // Not named in the import: a Node without it would stop there, before it can be told anything.
  nodeModule.enableCompileCache()
  const { runProcess } = await import("./cli/process.ts")
  runProcess()
} else {
  process.stderr.write(tooOld(process.versions.node))
  process.exitCode = 1
}
