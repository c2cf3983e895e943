-- The roles of a mirror in PostgreSQL, each with only the permissions that it needs. Run it with psql, as an administrator, in the mirror's database:
--
--     psql --dbname=app --file=postgresql-roles.sql
--
-- The schema is `headcount`. Then create logins and make them members, for example
--
--     CREATE ROLE app LOGIN PASSWORD '…' IN ROLE headcount_write;
--     CREATE ROLE app_migrate LOGIN PASSWORD '…' IN ROLE headcount_migrate;

-- Owns the schema, and creates and changes its tables. A member has to create them as this role (see below): they then belong to it, and every member can
-- change them.
CREATE ROLE headcount_migrate NOLOGIN;
-- Reads and writes rows.
CREATE ROLE headcount_write NOLOGIN;
-- Reads rows.
CREATE ROLE headcount_read NOLOGIN;

CREATE SCHEMA headcount AUTHORIZATION headcount_migrate;
GRANT USAGE ON SCHEMA headcount TO headcount_write, headcount_read;

-- Permissions for the tables and sequences that headcount_migrate creates later. A member creates them as this role after
-- `SET ROLE headcount_migrate`, or always with `ALTER ROLE app_migrate SET role = headcount_migrate`. Tables that exist already are not included.
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO headcount_write;
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT USAGE ON SEQUENCES TO headcount_write;
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT SELECT ON TABLES TO headcount_read;
