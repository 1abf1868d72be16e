-- Who did it; NULL: the one whom it is about.
ALTER TABLE ww_audit ADD COLUMN actor TEXT;
CREATE INDEX ww_audit_by_actor ON ww_audit (actor, id) WHERE actor IS NOT NULL;
CREATE INDEX ww_audit_by_kind ON ww_audit (kind, id);

-- The few among many users whom a search may be for.
CREATE INDEX ww_users_ranked ON ww_users (id) WHERE staff <> 0 OR superuser <> 0;
CREATE INDEX ww_users_inactive ON ww_users (id) WHERE active = 0;

-- Answers to requests that must not be carried out twice. answer is NULL
-- while the request is under way.
CREATE TABLE ww_receipts (
    id     BLOB    NOT NULL PRIMARY KEY,
    mark   BLOB    NOT NULL,
    answer BLOB,
    until  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX ww_receipts_by_until ON ww_receipts (until);
