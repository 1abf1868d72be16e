-- Who was taken over from another system: key is what that calls him, digest
-- what its record is known again by. The user may be gone since.

CREATE TABLE ww_imports (
    source  TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    user_id INTEGER NOT NULL,
    digest  BLOB,
    PRIMARY KEY (source, key)
) WITHOUT ROWID;
