-- Version 3: holds name their users, and losses of access are counted.

-- Holds. A user's row has the number of the hold (`hold`), the revision of the write that held the loss back (`hold_revision`), and the loss as JSON
-- (`held`).
CREATE TABLE hold (
    number INTEGER PRIMARY KEY,
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    "limit" INTEGER NOT NULL,
    since BLOB NOT NULL,
    causes TEXT NOT NULL,
    revision INTEGER NOT NULL
);
CREATE INDEX hold_of_directory ON hold (directory_id, number);
ALTER TABLE user ADD COLUMN hold INTEGER;
ALTER TABLE user ADD COLUMN hold_revision INTEGER;
ALTER TABLE user ADD COLUMN held TEXT;
CREATE INDEX user_of_hold ON user (hold, number) WHERE hold IS NOT NULL;

-- Decisions about holds.
CREATE TABLE approval (
    id TEXT PRIMARY KEY,
    hold_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    is_approved INTEGER NOT NULL,
    "by" TEXT NOT NULL,
    note TEXT NOT NULL,
    at BLOB NOT NULL,
    count INTEGER NOT NULL
);
CREATE INDEX approval_of_organization ON approval (organization_id, at);

-- `added_at` is when the user was added to the directory, or NULL if that is unknown. `lost_at` is when the user lost access last, or NULL if that never
-- happened.
ALTER TABLE user ADD COLUMN added_at BLOB;
ALTER TABLE user ADD COLUMN lost_at BLOB;
-- `rehire_key` is a hash of the organization and the address of a user who was removed or is deactivated: see `record/rehire.rs`. NULL for other users.
ALTER TABLE user ADD COLUMN rehire_key TEXT;
CREATE INDEX user_by_rehire_key ON user (rehire_key, deleted_at, number) WHERE rehire_key IS NOT NULL;
-- With `added_at`, so that the users of a directory at a past time are counted in the index alone.
DROP INDEX user_of_directory;
CREATE INDEX user_of_directory ON user (directory_id, number, added_at) WHERE deleted_at IS NULL;

-- Losses of access, which the guard counts within its window. Version 2 counted removals by events.
CREATE TABLE loss (
    directory_id TEXT NOT NULL,
    at BLOB NOT NULL,
    user_id TEXT NOT NULL,
    added_at BLOB,
    is_removal INTEGER NOT NULL,
    is_approved INTEGER NOT NULL,
    PRIMARY KEY (directory_id, at, user_id)
) WITHOUT ROWID;
INSERT OR IGNORE INTO loss SELECT directory_id, at, user_id, NULL, 1, 0 FROM event_removal;
DROP TABLE event_removal;
CREATE INDEX loss_by_age ON loss (at);

-- Version 2 listed the users whose removal is held, and kept the bodies of the events that reported the removals (state 2). The users stay held: each
-- directory that has such users gets a hold with a negative number. The bodies are deleted. The time is converted to
-- 12 bytes: it is after 1970, so the first hexadecimal digit is 8.
INSERT INTO hold
SELECT -row_number() OVER (ORDER BY directory.id), organization_id, directory.id,
    CASE body ->> '$.held.reason' WHEN 'deletion_burst' THEN 'deletion_burst' ELSE 'mass_removal' END,
    coalesce(body ->> '$.held.limit', 0),
    unhex(printf('8%015x00000000', coalesce(unixepoch(body ->> '$.held.at'), 0))),
    json_array(coalesce(body ->> '$.held.cause', '')),
    0
FROM directory WHERE id IN (SELECT directory_id FROM held_removal);
UPDATE user SET hold = (SELECT number FROM hold WHERE hold.directory_id = user.directory_id), hold_revision = 0,
    held = (SELECT json_object('removed', json_object('at', body ->> '$.held.at', 'event', ''))
        FROM directory WHERE directory.id = user.directory_id)
WHERE deleted_at IS NULL AND (directory_id, id) IN (SELECT directory_id, user_id FROM held_removal)
    AND directory_id IN (SELECT directory_id FROM hold);
DROP TABLE held_removal;
UPDATE event SET state = 0, body = NULL WHERE state = 2;

-- Pending events.

-- The number and bytes of the pending events of each organization.
CREATE TABLE pending (
    organization_id TEXT PRIMARY KEY,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO pending
    SELECT organization_id, count(*), coalesce(sum(length(body)), 0) FROM event WHERE state = 1 GROUP BY organization_id;

-- Indexes of events by their age: of settled events (any state but 1 and 3), of pending events (1) and of expired events (3).
DROP INDEX event_by_age;
CREATE INDEX event_settled ON event (received_at) WHERE state NOT IN (1, 3);
CREATE INDEX event_pending ON event (received_at, organization_id) WHERE state = 1;
CREATE INDEX event_expired ON event (received_at) WHERE state = 3;
DROP INDEX event_waiting;
CREATE INDEX event_waiting ON event (organization_id, state, number) WHERE state IN (1, 2);

-- `email` has the key of the address. Opening the file computes the keys of older rows, and then makes the index `user_by_email_key`.
DROP INDEX user_by_email;

-- `version_kind` is the kind of the message that the content of a row came from: 0 for a listing, 1 for a creation, 2 for an update, 3 for a deletion.
-- Of two messages with the same time, the one with the greater kind is newer. Older rows have only the event's id, so their kind is derived from
-- whether they are tombstones.
ALTER TABLE user ADD COLUMN version_kind INTEGER NOT NULL DEFAULT 0;
UPDATE user SET version_kind = iif(deleted_at IS NULL, 2, 3) WHERE version_event <> '';
ALTER TABLE "group" ADD COLUMN version_kind INTEGER NOT NULL DEFAULT 0;
UPDATE "group" SET version_kind = iif(deleted_at IS NULL, 2, 3) WHERE version_event <> '';

-- The feed.

-- `durable` is the number of the last change that a power failure cannot undo: a commit that is flushed sets it, and flushing the log also
-- flushes the commits before it. `trimmed` is the greatest number that was removed from the feed. `generation` is the greatest generation that a
-- consumer has been given.
ALTER TABLE counter ADD COLUMN durable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counter ADD COLUMN trimmed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counter ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
-- The commit of the migration is flushed, so all changes are durable. If the latest change is not in the feed, all changes were removed. Otherwise the
-- changes before the end of the last gap were removed.
UPDATE counter SET durable = change, trimmed = CASE
    WHEN coalesce((SELECT max(seq) FROM change), 0) < counter.change THEN counter.change
    ELSE coalesce((
        SELECT max(before) FROM (SELECT seq - count AS before, lag(seq, 1, 0) OVER (ORDER BY seq) AS previous FROM change)
        WHERE previous < before
    ), 0)
END;

-- `polled` is the greatest number that polls of this generation returned. Older versions did not record it, so it is set to the greatest number that a
-- poll can have returned.
ALTER TABLE consumer ADD COLUMN polled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE consumer ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
-- JSON with the cursor and the worker of each partition, or NULL for a consumer without partitions.
ALTER TABLE consumer ADD COLUMN partitions TEXT;
-- Version 2 numbered the users of a snapshot from -2^51. Now they begin 2^35 after the start of the generation's numbers, -2^52.
UPDATE consumer SET cursor = cursor + 2251799813685248 - 4503599627370496 + 34359738368
    WHERE cursor BETWEEN -2251799813685248 AND -1;
UPDATE consumer SET polled = CASE
    WHEN cursor < 0 THEN -4503599627370496 + 68719476735
    ELSE (SELECT change FROM counter)
END;

-- A parked change is stored as an entry of one change, so that the feed can be trimmed. One that was parked in version 2 gets a copy of its entry. `at`
-- is when it was parked.
ALTER TABLE parked_change RENAME TO parked_change_2;
CREATE TABLE parked_change (
    consumer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at BLOB NOT NULL,
    last INTEGER NOT NULL,
    count INTEGER NOT NULL,
    kind TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    changed_at BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (consumer, seq)
);
INSERT INTO parked_change
    SELECT parked.consumer, parked.seq, parked.reason, parked.at, entry.seq, entry.count, entry.kind, entry.organization_id,
        entry.directory_id, entry.cause, entry.at, entry.body
    FROM parked_change_2 AS parked JOIN change AS entry ON entry.seq = (SELECT min(seq) FROM change WHERE seq >= parked.seq)
    WHERE parked.seq > entry.seq - entry.count;
DROP TABLE parked_change_2;

-- `leaving` marks a deleted group whose deletion is not in the feed yet, because a chore still removes its members. `deletes` marks such a chore: it
-- appends the deletion to the feed when it is complete.
ALTER TABLE "group" ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chore ADD COLUMN deletes INTEGER NOT NULL DEFAULT 0;

-- Retirements: removals of all users and groups of a directory, with who requested each and why. `ended_at` is NULL while users or groups may be left.
CREATE TABLE retirement (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    ordered_by TEXT NOT NULL,
    note TEXT NOT NULL,
    at BLOB NOT NULL,
    ended_at BLOB,
    users INTEGER NOT NULL
) WITHOUT ROWID;

-- The history.

-- A row is the reverse delta of one entry of the feed: `body` has the former values of what changed. `seq` is the number of the entry's last change.
-- `subject_id` is the id of the user or group, or empty. `is_removal` marks deletions of users.
CREATE TABLE history (
    seq INTEGER PRIMARY KEY,
    at BLOB NOT NULL,
    organization_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    is_removal INTEGER NOT NULL,
    cause TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX history_of_subject ON history (subject_id);
CREATE INDEX history_of_organization ON history (organization_id);
CREATE INDEX history_removals ON history (organization_id) WHERE is_removal = 1;
-- `taken` is the number of the last change that the history has taken from the feed. `starts_at` is the earliest time whose state it gives. One row,
-- or none before the first change is taken. The history of an older file starts after the changes in its feed.
CREATE TABLE history_mark (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    taken INTEGER NOT NULL,
    starts_at BLOB
);
INSERT INTO history_mark SELECT 1, change, (SELECT max(at) FROM change) FROM counter WHERE change > 0;
-- With tombstones, so that users who are removed while a past state is read are found.
DROP INDEX user_of_organization;
CREATE INDEX user_of_organization ON user (organization_id, number);

-- Entries of the role map are typed now: an id does not match a name any more, and names are compared after normalization. The roles of all
-- users are derived again.
INSERT INTO chore (group_id, position, cause) SELECT '', 0, 'roles' FROM setting WHERE name = 'role_map';

-- Received events. `subject_id` is the id of the user, group, directory or organization that the event is about, and `note` is JSON: the event's type
-- and time, its outcome, and why it changed nothing. Both are NULL in older rows, except for the subjects of pending events, whose bodies name them.
ALTER TABLE event ADD COLUMN subject_id TEXT;
ALTER TABLE event ADD COLUMN note TEXT;
UPDATE event SET subject_id = CAST(body AS TEXT) ->> '$.data.id' WHERE state = 1 AND json_valid(CAST(body AS TEXT));
CREATE INDEX event_of_subject ON event (subject_id, number) WHERE subject_id IS NOT NULL;
CREATE INDEX event_of_organization ON event (organization_id, number);

-- Past syncs of directories, with a row from the start of each. `token` is the fencing token of the directory's lease, or NULL once the sync has ended.
-- `quiet` marks syncs that ended without changes, which are kept for a shorter time.
CREATE TABLE run (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    started_at BLOB NOT NULL,
    quiet INTEGER NOT NULL,
    token INTEGER,
    body TEXT NOT NULL,
    UNIQUE (id, directory_id)
);
CREATE INDEX run_of_directory ON run (directory_id, number);
CREATE INDEX run_of_organization ON run (organization_id, number);
CREATE INDEX run_by_age ON run (quiet, started_at);

-- Leavers: users whom the directory no longer has, who were deactivated, and who are deleted at `deletes_at` unless they return. `leaving` is JSON: what
-- caused the deactivation, and whether the user was active before. Both are NULL for other users.
ALTER TABLE user ADD COLUMN deletes_at BLOB;
ALTER TABLE user ADD COLUMN leaving TEXT;
CREATE INDEX user_leaving ON user (deletes_at, number) WHERE deletes_at IS NOT NULL;
-- With `deletes_at`, so that the users of a directory who are not leaving are found in the index alone.
DROP INDEX user_of_directory;
CREATE INDEX user_of_directory ON user (directory_id, number, added_at, deletes_at) WHERE deleted_at IS NULL;

-- Erasures of users and organizations. `mark` is a keyed hash of the id. `user_id` is the user's id while data of the user may be left, and
-- `organization_id` that of an organization; then they are NULL. The rows of users are never removed: they keep listings and late events from bringing
-- the user back. That of an organization is removed when the organization is synced again.
CREATE TABLE erasure (
    mark TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    at BLOB NOT NULL,
    user_id TEXT,
    organization_id TEXT
) WITHOUT ROWID;
CREATE INDEX erasure_open ON erasure (at) WHERE user_id IS NOT NULL OR organization_id IS NOT NULL;
