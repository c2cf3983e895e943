-- Version 3: holds name their users, and losses of access are counted.

-- Pending events.

-- The number and bytes of the pending events of each organization, kept by triggers.
CREATE TABLE pending (
    organization_id TEXT PRIMARY KEY,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO pending
    SELECT organization_id, count(*), coalesce(sum(length(body)), 0) FROM event WHERE state = 1 GROUP BY organization_id;
CREATE TRIGGER pending_inserted AFTER INSERT ON event WHEN new.state = 1 BEGIN
    INSERT INTO pending SELECT new.organization_id, 0, 0
        WHERE NOT EXISTS (SELECT 1 FROM pending WHERE organization_id = new.organization_id);
    UPDATE pending SET events = events + 1, bytes = bytes + coalesce(length(new.body), 0) WHERE organization_id = new.organization_id;
END;
CREATE TRIGGER pending_deleted AFTER DELETE ON event WHEN old.state = 1 BEGIN
    UPDATE pending SET events = events - 1, bytes = bytes - coalesce(length(old.body), 0) WHERE organization_id = old.organization_id;
END;
CREATE TRIGGER pending_updated AFTER UPDATE ON event WHEN old.state = 1 OR new.state = 1 BEGIN
    UPDATE pending SET events = events - 1, bytes = bytes - coalesce(length(old.body), 0)
        WHERE organization_id = old.organization_id AND old.state = 1;
    INSERT INTO pending SELECT new.organization_id, 0, 0
        WHERE NOT EXISTS (SELECT 1 FROM pending WHERE organization_id = new.organization_id);
    UPDATE pending SET events = events + 1, bytes = bytes + coalesce(length(new.body), 0)
        WHERE organization_id = new.organization_id AND new.state = 1;
END;

-- By age: events that are settled, that are pending (1), and that have expired (3).
DROP INDEX event_by_age;
CREATE INDEX event_settled ON event (received_at) WHERE state NOT IN (1, 3);
CREATE INDEX event_pending ON event (received_at, organization_id) WHERE state = 1;
CREATE INDEX event_expired ON event (received_at) WHERE state = 3;
DROP INDEX event_waiting;
CREATE INDEX event_waiting ON event (organization_id, state, number) WHERE state IN (1, 2);

-- `email` has the key of the address. Opening the file computes the keys of older rows, and then makes the index `user_by_email_key`.
DROP INDEX user_by_email;

-- Versions: of messages about a row with the same time, deletions are newer than updates, and updates than creations. 0 is a listing, 1 a
-- creation, 2 an update, 3 a deletion. Of older rows only the event's id is known.
ALTER TABLE user ADD COLUMN version_kind INTEGER NOT NULL DEFAULT 0;
UPDATE user SET version_kind = iif(deleted_at IS NULL, 2, 3) WHERE version_event <> '';
ALTER TABLE "group" ADD COLUMN version_kind INTEGER NOT NULL DEFAULT 0;
UPDATE "group" SET version_kind = iif(deleted_at IS NULL, 2, 3) WHERE version_event <> '';
