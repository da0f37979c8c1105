#!/usr/bin/env node
/** The binary as it is published: the same program from a bundle, where that stands for what is installed. */
import { isNewEnough } from "../cli/nodeVersion.ts"
import { standIn } from "./standIn.ts"

// A Node that is too old cannot stand in either; the binary tells so.
if (!isNewEnough(process.versions.node) || standIn(new URL("./", import.meta.url))) await import("../bin.ts")
// Not a literal: this one is outside of the bundle.
else await import(new URL("../bin.js", import.meta.url).href)
