CREATE TABLE ww_remote_users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer        TEXT    NOT NULL,
    remote_id     TEXT    NOT NULL,
    login         TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    first_name    TEXT    NOT NULL,
    last_name     TEXT    NOT NULL,
    phone         TEXT    NOT NULL,
    location      TEXT    NOT NULL,
    active        INTEGER NOT NULL,
    staff         INTEGER NOT NULL,
    superuser     INTEGER NOT NULL,
    rights        TEXT    NOT NULL,
    extra         TEXT    NOT NULL,
    raw           TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    last_login_at INTEGER NOT NULL,
    UNIQUE (issuer, remote_id)
);

CREATE TABLE ww_remote_cursors (
    issuer   TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
) WITHOUT ROWID;
