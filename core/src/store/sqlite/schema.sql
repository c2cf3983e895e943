-- Version 1. A later version is a file of its own, run after this one.
--
-- A time is 12 bytes that sort like the times: seconds since 1970 with the sign bit inverted, then nanoseconds, most significant byte first.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE organization (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE directory (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX directory_of_organization ON directory (organization_id, id);

-- Users and their tombstones (deleted_at).
CREATE TABLE user (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    email TEXT NOT NULL,
    body TEXT NOT NULL,
    told_groups TEXT NOT NULL,
    listed INTEGER NOT NULL,
    version_at BLOB,
    version_event TEXT NOT NULL,
    touched_at BLOB,
    revision INTEGER NOT NULL,
    deleted_at BLOB
);
CREATE INDEX user_of_directory ON user (directory_id, number) WHERE deleted_at IS NULL;
CREATE INDEX user_of_organization ON user (organization_id, number) WHERE deleted_at IS NULL;
CREATE INDEX user_by_email ON user (email COLLATE NOCASE, number) WHERE deleted_at IS NULL;
CREATE INDEX user_gone ON user (deleted_at) WHERE deleted_at IS NOT NULL;

-- The groups that the vendor named for each user, whether or not they exist.
CREATE TABLE membership (
    group_id TEXT NOT NULL,
    user_number INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_number)
) WITHOUT ROWID;

CREATE TABLE "group" (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    directory_id TEXT NOT NULL,
    body TEXT NOT NULL,
    version_at BLOB,
    version_event TEXT NOT NULL,
    touched_at BLOB,
    revision INTEGER NOT NULL,
    deleted_at BLOB
);
CREATE INDEX group_of_directory ON "group" (directory_id, number) WHERE deleted_at IS NULL;
CREATE INDEX group_gone ON "group" (deleted_at) WHERE deleted_at IS NOT NULL;

-- The feed. Version 1 never trims the latest change. So the next number is one more than the greatest, and no number is given twice. AUTOINCREMENT
-- would ensure that as well, but writes a second row for each change.
CREATE TABLE change (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    at BLOB NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE consumer (
    name TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL,
    snapshot TEXT,
    seen_at BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE parked_change (
    consumer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at BLOB NOT NULL,
    PRIMARY KEY (consumer, seq)
) WITHOUT ROWID;
CREATE INDEX parked_change_by_seq ON parked_change (seq);

CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    received_at BLOB NOT NULL,
    state INTEGER NOT NULL,
    body BLOB
);
CREATE INDEX event_waiting ON event (organization_id, state, number) WHERE state <> 0;
CREATE INDEX event_by_age ON event (received_at);

CREATE TABLE event_removal (
    directory_id TEXT NOT NULL,
    at BLOB NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (directory_id, at, user_id)
) WITHOUT ROWID;

CREATE TABLE held_removal (
    directory_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (directory_id, user_id)
) WITHOUT ROWID;

CREATE TABLE chore (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    cause TEXT NOT NULL
);
