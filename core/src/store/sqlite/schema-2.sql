-- Version 2: numbers come from one row, an entry of the feed may hold several changes, and leases are rows.

-- The greatest numbers that were given, in one row. No number is given twice, even if its row has been removed.
CREATE TABLE counter (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL,
    user INTEGER NOT NULL,
    "group" INTEGER NOT NULL,
    change INTEGER NOT NULL,
    event INTEGER NOT NULL,
    lease INTEGER NOT NULL
);
INSERT INTO counter VALUES (
    1,
    coalesce((SELECT CAST(value AS INTEGER) FROM setting WHERE name = 'revision'), 0),
    coalesce((SELECT max(number) FROM user), 0),
    coalesce((SELECT max(number) FROM "group"), 0),
    coalesce((SELECT max(seq) FROM change), 0),
    coalesce((SELECT max(number) FROM event), 0),
    0
);
DELETE FROM setting WHERE name = 'revision';

-- The number of changes in an entry, whose seq is the number of the last one. An entry of version 1 is one change of the kind `kind`; in later
-- ones `kind` is empty.
ALTER TABLE change ADD COLUMN count INTEGER NOT NULL DEFAULT 1;

-- Leases that are held, and leases that ended without being released. `duration` is in nanoseconds.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token INTEGER NOT NULL,
    expires_at BLOB NOT NULL,
    duration INTEGER NOT NULL
) WITHOUT ROWID;
