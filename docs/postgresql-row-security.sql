-- Confines a role to the rows of one organization (row-level security). The role can read its organization's users, groups, directories, changes, history, holds and
-- events, with SQL or through a mirror (`users`, `groups`, `directories`, `status`, …), and nothing of other organizations. It cannot write.
--
-- Run postgresql-roles.sql before, and open the mirror once as a member of headcount_migrate. Then run this with psql as an administrator, in the mirror's
-- database, once for each role and after each update of headcount:
--
--     psql --dbname=app --set=confined=report_acme --set=organization=org_1 --file=postgresql-row-security.sql
--
-- The role has to exist, and must not be a superuser or a member of a role of the mirror: these read all rows. It may be run any number of times. The
-- last run of a role determines its organization.
\set ON_ERROR_STOP on
BEGIN;
SELECT set_config('headcount.confined', :'confined', true), set_config('headcount.organization', :'organization', true);

DO $$
DECLARE
    confined text := current_setting('headcount.confined');
    organization text := current_setting('headcount.organization');
    own_id text := format('id = %L', organization);
    own_rows text := format('organization_id = %L', organization);
    -- The directories that the role can read, which are those of its organization.
    own_directories text := 'directory_id IN (SELECT id FROM headcount.directory)';
    -- The tables that the role can read, with the rows of each. `version`, `counter`, `durable`, `mark`, `history_mark` and `commit_log` have only numbers and times. `setting` has
    -- the settings and the role map; the role map is left out, because it can name other organizations.
    readable text[] := ARRAY[
        ['organization', own_id], ['directory', own_rows], ['users', own_rows], ['groups', own_directories],
        ['membership', 'user_number IN (SELECT number FROM headcount.users)'], ['change', own_rows], ['parked_change', own_rows],
        ['event', own_rows], ['pending', own_rows], ['loss', own_directories], ['hold', own_rows], ['approval', own_rows],
        ['retirement', own_rows], ['run', own_rows], ['history', own_rows], ['history_mark', 'true'], ['setting', 'name <> ''role_map'''], ['version', 'true'], ['counter', 'true'], ['durable', 'true'],
        ['mark', 'true'], ['commit_log', 'true']];
    own_table text;
BEGIN
    IF EXISTS (
        SELECT FROM pg_roles AS member JOIN pg_roles AS role ON pg_has_role(member.oid, role.oid, 'MEMBER')
        WHERE member.rolname = confined AND (role.rolsuper OR role.rolbypassrls
            OR role.rolname IN ('headcount_migrate', 'headcount_write', 'headcount_read'))
    ) THEN
        RAISE EXCEPTION 'expected a role that is not a superuser, does not bypass row-level security and is in no role of the mirror, got %', confined;
    END IF;
    -- Without a policy, a role other than the owner sees no row of a table with row-level security. The roles of the mirror see all rows.
    FOR own_table IN SELECT tablename FROM pg_tables WHERE schemaname = 'headcount' LOOP
        EXECUTE format('ALTER TABLE headcount.%I ENABLE ROW LEVEL SECURITY', own_table);
        EXECUTE format('DROP POLICY IF EXISTS all_rows ON headcount.%I', own_table);
        EXECUTE format('CREATE POLICY all_rows ON headcount.%I TO headcount_write, headcount_read USING (true) WITH CHECK (true)', own_table);
        EXECUTE format('REVOKE ALL ON headcount.%I FROM %I', own_table, confined);
        EXECUTE format('DROP POLICY IF EXISTS %I ON headcount.%I', 'only ' || confined, own_table);
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA headcount TO %I', confined);
    FOR n IN 1 .. array_length(readable, 1) LOOP
        EXECUTE format('GRANT SELECT ON headcount.%I TO %I', readable[n][1], confined);
        EXECUTE format('CREATE POLICY %I ON headcount.%I FOR SELECT TO %I USING (%s)', 'only ' || confined, readable[n][1], confined, readable[n][2]);
    END LOOP;
END
$$;
COMMIT;
