-- The roles of a mirror in PostgreSQL, each with only the permissions that it needs. Run it with psql, as an administrator, in the mirror's database:
--
--     psql --dbname=app --file=postgresql-roles.sql
--
-- The schema is `headcount`. Then create logins and make them members, for example
--
--     CREATE ROLE app LOGIN PASSWORD '…' IN ROLE headcount_write;
--     CREATE ROLE app_migrate LOGIN PASSWORD '…' IN ROLE headcount_migrate;
--     CREATE ROLE report LOGIN PASSWORD '…' IN ROLE headcount_read;
--
-- Run it before a mirror is opened for the first time by a member of headcount_migrate, and again after that and after each update of headcount: the second
-- run protects the table `version`, and includes tables that existed before. It may be run any number of times.

DO $$
DECLARE
    role text;
BEGIN
    -- headcount_migrate owns the schema, and creates and changes its tables. A member has to create them as this role (see below): they then belong to it, and
    -- every member can change them. A mirror is also copied into the database as this role. headcount_write reads and writes rows, headcount_read reads them.
    FOREACH role IN ARRAY ARRAY['headcount_migrate', 'headcount_write', 'headcount_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
END
$$;

CREATE SCHEMA IF NOT EXISTS headcount AUTHORIZATION headcount_migrate;
REVOKE ALL ON SCHEMA headcount FROM PUBLIC;
GRANT USAGE ON SCHEMA headcount TO headcount_write, headcount_read;

-- Permissions for the tables and sequences that headcount_migrate creates later. A member creates them as this role after
-- `SET ROLE headcount_migrate`, or always with `ALTER ROLE app_migrate SET role = headcount_migrate`.
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO headcount_write;
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT USAGE ON SEQUENCES TO headcount_write;
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT SELECT ON TABLES TO headcount_read;
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT SELECT ON SEQUENCES TO headcount_read;

-- Permissions for the tables and sequences that exist already.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA headcount TO headcount_write;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA headcount TO headcount_write;
GRANT SELECT ON ALL TABLES IN SCHEMA headcount TO headcount_read;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA headcount TO headcount_read;

-- Only a migration changes the version of the schema.
DO $$
BEGIN
    IF to_regclass('headcount.version') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON headcount.version FROM headcount_write;
    END IF;
END
$$;
