#!/usr/bin/env node
/** The binary. What it loads is compiled once for many starts. */
import { enableCompileCache } from "node:module"

enableCompileCache()
const { runProcess } = await import("./cli/process.ts")
runProcess()
