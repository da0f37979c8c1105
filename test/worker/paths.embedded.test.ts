import { EmbeddedPostgres } from "@countersign/adapters"
import { layerPorts } from "../adapters/postgres/support.ts"
import { pathLaws } from "./pathLaws.ts"

pathLaws("embedded PostgreSQL", layerPorts(EmbeddedPostgres.layer({})))
