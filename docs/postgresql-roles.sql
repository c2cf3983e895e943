-- The roles of a mirror in PostgreSQL, each with the least that it needs. Run it with psql, as an administrator, in the mirror's database:
--
--     psql --dbname=app --file=postgresql-roles.sql
--
-- The schema is `headcount`. Then create logins and make them members, for example
--
--     CREATE ROLE app LOGIN PASSWORD '…' IN ROLE headcount_write;
--     CREATE ROLE app_migrate LOGIN PASSWORD '…' IN ROLE headcount_migrate;

-- Owns the schema, and creates and changes its tables. What a member creates belongs to the role, so that every member can change it.
CREATE ROLE headcount_migrate NOLOGIN;
-- Reads and writes rows.
CREATE ROLE headcount_write NOLOGIN;
-- Reads rows.
CREATE ROLE headcount_read NOLOGIN;

CREATE SCHEMA headcount AUTHORIZATION headcount_migrate;
GRANT USAGE ON SCHEMA headcount TO headcount_write, headcount_read;

-- What exists, and what members of headcount_migrate create later with `SET ROLE headcount_migrate`, or with
-- `ALTER ROLE app_migrate SET role = headcount_migrate`.
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO headcount_write;
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT USAGE ON SEQUENCES TO headcount_write;
ALTER DEFAULT PRIVILEGES FOR ROLE headcount_migrate IN SCHEMA headcount
    GRANT SELECT ON TABLES TO headcount_read;
