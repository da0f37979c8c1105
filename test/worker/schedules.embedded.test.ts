import { EmbeddedPostgres } from "@countersign/adapters"
import { layerPorts } from "../adapters/postgres/support.ts"
import { scheduleLaws } from "./scheduleLaws.ts"

scheduleLaws("embedded PostgreSQL", layerPorts(EmbeddedPostgres.layer({})))
