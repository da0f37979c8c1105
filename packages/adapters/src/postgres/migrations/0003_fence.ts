/**
 * The fence: what makes revocation strict. Advisory locks rather than row locks: a row held `FOR SHARE` by one admission after
 * the other starves whoever wants to change it, an advisory lock that somebody waits for is not given to newcomers.
 *
 * Whoever changes authority facts waits for the admissions that believe them, and moves their workspaces' epochs. Whoever
 * admits never waits: a workspace that is being changed is left out.
 */
import type { Names } from "../SchemaName.ts"

/** Above that many keys one lock is taken for the whole class: the server's lock table is small. */
const KEYS_LOCKED_ONE_BY_ONE = 256

const epochs = ({ q }: Names) => [
  `CREATE TABLE ${q}.authority_epochs (
  workspace_id text PRIMARY KEY,
  epoch bigint NOT NULL
)`
]

const changing = ({ q, locks }: Names) => [
  `CREATE FUNCTION ${q}.lock_keys(class integer, keys text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $countersign$
BEGIN
  IF cardinality(keys) > ${KEYS_LOCKED_ONE_BY_ONE} THEN
    PERFORM pg_advisory_xact_lock(${locks.whole}, class);
  ELSE
    PERFORM pg_advisory_xact_lock_shared(${locks.whole}, class);
    PERFORM pg_advisory_xact_lock(class, ordered.key)
      FROM (SELECT DISTINCT hashtext(k) AS key FROM unnest(keys) AS u(k) ORDER BY 1 OFFSET 0) AS ordered;
  END IF;
END
$countersign$`,
  // With the rights of its owner: who may change facts need not have rights on the epochs.
  `CREATE FUNCTION ${q}.fence_workspaces(workspaces text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $countersign$
BEGIN
  PERFORM ${q}.lock_keys(${locks.workspaces}, workspaces);
  INSERT INTO ${q}.authority_epochs AS e (workspace_id, epoch)
    SELECT DISTINCT w, 1 FROM unnest(workspaces) AS u(w) ORDER BY w
    ON CONFLICT (workspace_id) DO UPDATE SET epoch = e.epoch + 1;
END
$countersign$`,
  `COMMENT ON FUNCTION ${q}.fence_workspaces(text[]) IS
  'Waits for the admissions that believe facts about these workspaces, keeps new ones out until the transaction ends, and moves the epochs'`,
  /*
   * The first argument is a query over `changed` (the rows before and after) that gives the workspaces concerned; the second
   * one that gives the links through which it finds them, such as `user:ada`. Whoever changes either end of a link locks it
   * first: otherwise a person could be disabled by one transaction while another, unseen, makes them a member elsewhere.
   * Asked again after each wait, because the workspaces may have become others meanwhile.
   */
  `CREATE FUNCTION ${q}.fence_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $countersign$
DECLARE
  changed text := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT * FROM rows_after'
    WHEN 'DELETE' THEN 'SELECT * FROM rows_before'
    ELSE 'SELECT * FROM rows_before UNION ALL SELECT * FROM rows_after' END;
  links text[];
  found text[];
  fenced text[] := '{}';
BEGIN
  IF TG_ARGV[1] <> '' THEN
    EXECUTE format('WITH changed AS (%s) SELECT array_agg(DISTINCT link::text) FROM (%s) AS l(link)', changed, TG_ARGV[1])
      INTO links;
    PERFORM ${q}.lock_keys(${locks.links}, links);
  END IF;
  LOOP
    EXECUTE format(
      'WITH changed AS (%s) SELECT array_agg(DISTINCT w::text) FROM (%s) AS f(w) WHERE w::text <> ALL ($1)',
      changed, TG_ARGV[0]) INTO found USING fenced;
    EXIT WHEN found IS NULL;
    PERFORM ${q}.fence_workspaces(found);
    fenced := fenced || found;
  END LOOP;
  RETURN NULL;
END
$countersign$`,
  `CREATE FUNCTION ${q}.refuse_truncating() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $countersign$
BEGIN
  RAISE EXCEPTION 'authority facts in %.% cannot be truncated', TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'feature_not_supported', HINT = 'Use DELETE: it tells the fence which workspaces are concerned.';
END
$countersign$`
]

const guarding = ({ q, schema }: Names) => [
  `CREATE FUNCTION ${q}.guard_facts_by(facts regclass, workspaces text, links text DEFAULT '') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $countersign$
DECLARE
  event text;
  rows_seen text;
BEGIN
  FOR event, rows_seen IN VALUES
    ('INSERT', 'NEW TABLE AS rows_after'),
    ('UPDATE', 'OLD TABLE AS rows_before NEW TABLE AS rows_after'),
    ('DELETE', 'OLD TABLE AS rows_before')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s REFERENCING %s FOR EACH STATEMENT '
      'EXECUTE FUNCTION ${q}.fence_changes(%L, %L)',
      '${schema}_fence_' || lower(event), event, facts, rows_seen, workspaces, links);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', facts, '${schema}_fence_' || lower(event));
  END LOOP;
  EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON %s FOR EACH STATEMENT '
    'EXECUTE FUNCTION ${q}.refuse_truncating()', '${schema}_fence_truncate', facts);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', facts, '${schema}_fence_truncate');
END
$countersign$`,
  `COMMENT ON FUNCTION ${q}.guard_facts_by(regclass, text, text) IS
  'Fences every change of a table of facts. workspaces: a query over "changed", the rows before and after, that gives the ids of the workspaces concerned; links: one that gives a text for each person or tenant through whom it finds them'`,
  `CREATE FUNCTION ${q}.guard_facts(facts regclass, workspace_column name) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $countersign$
  SELECT ${q}.guard_facts_by(facts, format('SELECT %I FROM changed', workspace_column))
$countersign$`,
  `COMMENT ON FUNCTION ${q}.guard_facts(regclass, name) IS
  'Fences every change of a table of facts whose rows name their workspace in this column'`
]

const admitting = ({ q, locks }: Names) => [
  /*
   * Each query in a volatile function takes a new snapshot: the epochs are those of the moment after the locks were obtained.
   * OFFSET 0 keeps the planner from asking for a lock twice.
   */
  `CREATE FUNCTION ${q}.take_fence(workspaces text[]) RETURNS TABLE (workspace_id text, epoch bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $countersign$
DECLARE
  obtained text[];
BEGIN
  IF NOT pg_try_advisory_xact_lock_shared(${locks.whole}, ${locks.workspaces}) THEN
    RETURN;
  END IF;
  SELECT array_agg(tried.w) INTO obtained FROM (
    SELECT w, pg_try_advisory_xact_lock_shared(${locks.workspaces}, hashtext(w)) AS got
    FROM unnest(workspaces) AS u(w) OFFSET 0
  ) AS tried WHERE tried.got;
  RETURN QUERY SELECT o.w, coalesce(
    (SELECT e.epoch FROM ${q}.authority_epochs e WHERE e.workspace_id = o.w), 0) FROM unnest(obtained) AS o(w);
END
$countersign$`,
  `COMMENT ON FUNCTION ${q}.take_fence(text[]) IS
  'Keeps the facts about these workspaces from changing until the transaction ends; leaves out those that are being changed, and never waits'`
]

/** The statements of this migration, in order. */
export const statements = (names: Names): ReadonlyArray<string> => [
  ...epochs(names),
  ...changing(names),
  ...guarding(names),
  ...admitting(names)
]
