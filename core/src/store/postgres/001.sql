-- Version 1. Each later version has a separate file, which is run after this one. `{s}` is replaced by the quoted name of the schema.
--
-- A time in a column of type `bytea` has 12 bytes that sort like the times: seconds since 1970 with the sign bit inverted, then nanoseconds, most
-- significant byte first.
-- Records are JSON in columns of type `text`, which keeps them byte for byte. Text by which rows are searched or sorted has the collation `C`, which
-- compares bytes.

-- The locks of writes, one row for each scope. `kind` is 0 for everything, 1 for an organization, 2 for a consumer and 3 for the environment.
-- A write of everything locks the table, and any other write locks the row of its scope. The statement that locks a scope sets `revision` to the
-- revision of the write and returns it; a group of writes of several organizations does not set it, and for the environment it stays 0. Rows are
-- never deleted, since other transactions may wait for them.
CREATE TABLE {s}.scope (
    kind bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (kind, name)
) WITH (fillfactor = 50);
INSERT INTO {s}.scope VALUES (0, '', 0);

CREATE SEQUENCE {s}.revision;
CREATE SEQUENCE {s}.user_number;
CREATE SEQUENCE {s}.group_number;
CREATE SEQUENCE {s}.event_number;
CREATE SEQUENCE {s}.chore_number;

-- The committed transactions that locked a scope and changed rows. A client that lost its connection during a commit finds out here whether it was
-- done. `id` is a random number. The revision alone does not identify a transaction: if a crash of the server undoes one, a later one may get the same
-- revision.
CREATE TABLE {s}.commit_log (
    revision bigint PRIMARY KEY,
    id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX commit_log_by_age ON {s}.commit_log (at);

-- The number of the latest change, in one row. A write updates it in its last statement, which inserts the entries of the feed as well. Other
-- writes wait for the row until the commit, so numbers have no gaps and become visible in their order.
CREATE TABLE {s}.counter (
    id bigint PRIMARY KEY CHECK (id = 1),
    change bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO {s}.counter VALUES (1, 0);

-- The changes up to the greatest number in this table are durable: a crash of the server cannot undo them. There are several rows so that
-- transactions that are flushed at the same time seldom wait for each other.
CREATE TABLE {s}.durable (
    slot bigint PRIMARY KEY,
    change bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO {s}.durable SELECT slot, 0 FROM generate_series(0, 15) AS slot;

-- `trimmed` is the greatest number of a change that was removed, and `generation` the last generation that was given to a consumer.
CREATE TABLE {s}.mark (
    id bigint PRIMARY KEY CHECK (id = 1),
    trimmed bigint NOT NULL,
    generation bigint NOT NULL
);
INSERT INTO {s}.mark VALUES (1, 0, 0);

CREATE TABLE {s}.setting (
    name text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE {s}.organization (
    id text COLLATE "C" PRIMARY KEY,
    body text NOT NULL
);

CREATE TABLE {s}.directory (
    id text COLLATE "C" PRIMARY KEY,
    organization_id text COLLATE "C" NOT NULL,
    body text NOT NULL
);
CREATE INDEX directory_of_organization ON {s}.directory (organization_id, id);

-- Users and their tombstones, which have a `deleted_at`. `email` is the key of the address. `hold_revision` is the revision of the write that held
-- the user. `rehire_key` is a hash of the organization and the address of a user who was removed or is deactivated, and NULL for other users.
CREATE TABLE {s}.users (
    number bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    organization_id text COLLATE "C" NOT NULL,
    directory_id text COLLATE "C" NOT NULL,
    email text COLLATE "C" NOT NULL,
    body text NOT NULL,
    told_groups text NOT NULL,
    listed boolean NOT NULL,
    version_at bytea,
    version_kind bigint NOT NULL,
    version_event text COLLATE "C" NOT NULL,
    touched_at bytea,
    revision bigint NOT NULL,
    deleted_at bytea,
    added_at bytea,
    lost_at bytea,
    hold bigint,
    hold_revision bigint,
    held text,
    rehire_key text COLLATE "C"
);
CREATE INDEX user_of_directory ON {s}.users (directory_id, number, added_at) WHERE deleted_at IS NULL;
-- With tombstones, so that users who are removed while a past state is read are found.
CREATE INDEX user_of_organization ON {s}.users (organization_id, number);
CREATE INDEX user_by_email ON {s}.users (email, number) WHERE deleted_at IS NULL;
CREATE INDEX user_by_rehire_key ON {s}.users (rehire_key, deleted_at, number) WHERE rehire_key IS NOT NULL;
CREATE INDEX user_of_hold ON {s}.users (hold, number) WHERE hold IS NOT NULL;
CREATE INDEX user_gone ON {s}.users (deleted_at, number) WHERE deleted_at IS NOT NULL;

-- The groups that the vendor named for each user, whether or not they exist.
CREATE TABLE {s}.membership (
    group_id text COLLATE "C" NOT NULL,
    user_number bigint NOT NULL,
    PRIMARY KEY (group_id, user_number)
);

CREATE TABLE {s}.groups (
    number bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    directory_id text COLLATE "C" NOT NULL,
    body text NOT NULL,
    leaving boolean NOT NULL,
    version_at bytea,
    version_kind bigint NOT NULL,
    version_event text COLLATE "C" NOT NULL,
    touched_at bytea,
    revision bigint NOT NULL,
    deleted_at bytea
);
CREATE INDEX group_of_directory ON {s}.groups (directory_id, number) WHERE deleted_at IS NULL;
CREATE INDEX group_gone ON {s}.groups (deleted_at, number) WHERE deleted_at IS NOT NULL;

-- The feed. `seq` is the number of the entry's last change, `count` how many changes it has.
CREATE TABLE {s}.change (
    seq bigint PRIMARY KEY,
    count bigint NOT NULL,
    organization_id text COLLATE "C" NOT NULL,
    directory_id text COLLATE "C" NOT NULL,
    cause text COLLATE "C" NOT NULL,
    at bytea NOT NULL,
    body text NOT NULL
);

CREATE TABLE {s}.consumer (
    name text COLLATE "C" PRIMARY KEY,
    cursor bigint NOT NULL,
    polled bigint NOT NULL,
    generation bigint NOT NULL,
    snapshot text,
    seen_at bytea NOT NULL,
    -- JSON with the cursor and the worker of each partition, or NULL for a consumer without partitions.
    partitions text
) WITH (fillfactor = 50);

-- The parked changes. Each row has a copy of the change, so that the feed can be trimmed. `at` is the time at which it was parked.
CREATE TABLE {s}.parked_change (
    consumer text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    reason text NOT NULL,
    at bytea NOT NULL,
    kind text COLLATE "C" NOT NULL,
    organization_id text COLLATE "C" NOT NULL,
    directory_id text COLLATE "C" NOT NULL,
    cause text COLLATE "C" NOT NULL,
    changed_at bytea NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (consumer, seq)
);

-- States: 0 is settled, 1 pending, 3 expired.
CREATE TABLE {s}.event (
    number bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    organization_id text COLLATE "C" NOT NULL,
    received_at bytea NOT NULL,
    state bigint NOT NULL,
    body bytea
);
CREATE INDEX event_waiting ON {s}.event (organization_id, number) WHERE state = 1;
CREATE INDEX event_pending ON {s}.event (received_at, organization_id) WHERE state = 1;
CREATE INDEX event_settled ON {s}.event (received_at) WHERE state = 0;
CREATE INDEX event_expired ON {s}.event (received_at, organization_id) WHERE state = 3;

-- The number and bytes of the pending events of each organization. A transaction that adds, settles or expires pending events updates them.
CREATE TABLE {s}.pending (
    organization_id text COLLATE "C" PRIMARY KEY,
    events bigint NOT NULL,
    bytes bigint NOT NULL
) WITH (fillfactor = 50);

-- Losses of access, which the guard counts within its window.
CREATE TABLE {s}.loss (
    directory_id text COLLATE "C" NOT NULL,
    at bytea NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    added_at bytea,
    is_removal boolean NOT NULL,
    is_approved boolean NOT NULL,
    PRIMARY KEY (directory_id, at, user_id)
);
CREATE INDEX loss_by_age ON {s}.loss (at);

CREATE TABLE {s}.hold (
    number bigint PRIMARY KEY,
    organization_id text COLLATE "C" NOT NULL,
    directory_id text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    allowed bigint NOT NULL,
    since bytea NOT NULL,
    causes text NOT NULL,
    revision bigint NOT NULL
);
CREATE INDEX hold_of_directory ON {s}.hold (directory_id, number);

-- Decisions about holds.
CREATE TABLE {s}.approval (
    id text COLLATE "C" PRIMARY KEY,
    hold_id text COLLATE "C" NOT NULL,
    organization_id text COLLATE "C" NOT NULL,
    directory_id text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    is_approved boolean NOT NULL,
    decided_by text NOT NULL,
    note text NOT NULL,
    at bytea NOT NULL,
    count bigint NOT NULL
);
CREATE INDEX approval_of_organization ON {s}.approval (organization_id, at);
CREATE INDEX approval_by_age ON {s}.approval (at);

CREATE TABLE {s}.retirement (
    id text COLLATE "C" PRIMARY KEY,
    organization_id text COLLATE "C" NOT NULL,
    directory_id text COLLATE "C" NOT NULL,
    ordered_by text NOT NULL,
    note text NOT NULL,
    at bytea NOT NULL,
    ended_at bytea,
    users bigint NOT NULL
);

CREATE TABLE {s}.chore (
    number bigint PRIMARY KEY,
    group_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    deletes boolean NOT NULL,
    cause text COLLATE "C" NOT NULL
);

-- The history. A row is the reverse delta of one entry of the feed: `body` has the former values of what changed. `seq` is the number of the entry's
-- last change. `subject_id` is the id of the user or group, or empty. `is_removal` marks deletions of users.
CREATE TABLE {s}.history (
    seq bigint PRIMARY KEY,
    at bytea NOT NULL,
    organization_id text COLLATE "C" NOT NULL,
    directory_id text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    is_removal boolean NOT NULL,
    cause text COLLATE "C" NOT NULL,
    body text NOT NULL
);
CREATE INDEX history_of_subject ON {s}.history (subject_id, seq);
CREATE INDEX history_of_organization ON {s}.history (organization_id, seq);
CREATE INDEX history_removals ON {s}.history (organization_id, seq) WHERE is_removal;

-- `taken` is the number of the last change that the history has taken from the feed, and `starts_at` the earliest time whose state it gives. One row, or
-- none before the first change is taken.
CREATE TABLE {s}.history_mark (
    id bigint PRIMARY KEY CHECK (id = 1),
    taken bigint NOT NULL,
    starts_at bytea
) WITH (fillfactor = 50);

-- Leases. `holder` is a random name of the call that took the lease. `expires_at` is in microseconds since 1970 by the server's clock, `duration` in
-- microseconds. A lease that was released has the expiry 0; its row is kept, because the next token is one more than its token.
CREATE TABLE {s}.lease (
    name text COLLATE "C" PRIMARY KEY,
    holder text NOT NULL,
    token bigint NOT NULL,
    expires_at bigint NOT NULL,
    duration bigint NOT NULL
) WITH (fillfactor = 50);

-- Received events. `subject_id` is the id of the user, group, directory or organization that the event is about, and `note` is JSON: the event's type
-- and time, its outcome, and why it changed nothing.
ALTER TABLE {s}.event ADD COLUMN subject_id text COLLATE "C", ADD COLUMN note text;
CREATE INDEX event_of_subject ON {s}.event (subject_id, number) WHERE subject_id IS NOT NULL;
CREATE INDEX event_of_organization ON {s}.event (organization_id, number);

-- Past syncs of directories, with a row from the start of each. `token` is the fencing token of the directory's lease, or NULL once the sync has ended.
-- `quiet` marks syncs that ended without changes, which are kept for a shorter time.
CREATE SEQUENCE {s}.run_number;
CREATE TABLE {s}.run (
    number bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    directory_id text COLLATE "C" NOT NULL,
    organization_id text COLLATE "C" NOT NULL,
    started_at bytea NOT NULL,
    quiet boolean NOT NULL,
    token bigint,
    body text NOT NULL,
    UNIQUE (id, directory_id)
);
CREATE INDEX run_of_directory ON {s}.run (directory_id, number);
CREATE INDEX run_of_organization ON {s}.run (organization_id, number);
CREATE INDEX run_by_age ON {s}.run (quiet, started_at);

-- Leavers: users whom the directory no longer has, who were deactivated, and who are deleted at `deletes_at` unless they return. `leaving` is JSON: what
-- caused the deactivation, and whether the user was active before. Both are NULL for other users.
ALTER TABLE {s}.users ADD COLUMN deletes_at bytea, ADD COLUMN leaving text;
CREATE INDEX user_leaving ON {s}.users (deletes_at, number) WHERE deletes_at IS NOT NULL;
-- With `deletes_at`, so that the users of a directory who are not leaving are found in the index alone.
DROP INDEX {s}.user_of_directory;
CREATE INDEX user_of_directory ON {s}.users (directory_id, number, added_at, deletes_at) WHERE deleted_at IS NULL;

-- Erasures of users and organizations. `mark` is a keyed hash of the id. `user_id` is the user's id while data of the user may be left, and
-- `organization_id` that of an organization; then they are NULL. The rows of users are never removed: they keep listings and late events from bringing
-- the user back. That of an organization is removed when the organization is synced again.
CREATE TABLE {s}.erasure (
    mark text COLLATE "C" PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    at bytea NOT NULL,
    user_id text COLLATE "C",
    organization_id text COLLATE "C"
);
CREATE INDEX erasure_open ON {s}.erasure (at) WHERE user_id IS NOT NULL OR organization_id IS NOT NULL;
