/**
 * What the migrations made, noted down beside it, so that a later reading can tell what somebody dropped or changed since.
 */
import type { Names } from "./SchemaName.ts"

/** Names only where the text of a definition differs between versions of PostgreSQL; bodies where it is ours. */
const present = ({ schema, q }: Names) => `
SELECT 'table' AS kind, c.relname::text AS name
FROM pg_catalog.pg_class c WHERE c.relnamespace = '${q}'::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT 'column', c.relname || '.' || a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
  || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = '${q}'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'index', c.relname::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE c.relnamespace = '${q}'::regnamespace AND i.indisvalid
UNION ALL
SELECT 'constraint', r.relname || '.' || k.conname
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class r ON r.oid = k.conrelid
WHERE k.connamespace = '${q}'::regnamespace AND k.contype IN ('c', 'p', 'u') AND k.convalidated
UNION ALL
SELECT 'function', p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ') '
  || pg_catalog.md5(p.prosrc)
FROM pg_catalog.pg_proc p WHERE p.pronamespace = '${q}'::regnamespace
UNION ALL
SELECT 'trigger', c.relname || '.' || t.tgname || ' ' || t.tgenabled::text || t.tgtype::text
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = '${q}'::regnamespace AND NOT t.tgisinternal
  AND (t.tgname NOT LIKE '%\\_fence\\_%' OR t.tgname LIKE '${schema.replaceAll("_", "\\_")}\\_fence\\_%')`

/** Ends every migration. */
export const manifestStatements = (names: Names): ReadonlyArray<string> => [
  `CREATE TABLE IF NOT EXISTS ${names.q}.manifest (kind text NOT NULL, name text NOT NULL, PRIMARY KEY (kind, name))`,
  `DELETE FROM ${names.q}.manifest`,
  `INSERT INTO ${names.q}.manifest ${present(names)}`
]

/** A query for what the manifest names and the database has no more, or has in another form. */
export const driftQuery = (names: Names): string =>
  `SELECT kind, name FROM (SELECT kind, name FROM ${names.q}.manifest EXCEPT (${present(names)})) AS missing
ORDER BY kind, name`
