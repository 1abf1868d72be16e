-- Times are microseconds since 1970, UTC; NULL is the zero time. Lists are
-- JSON arrays of texts.

CREATE TABLE ww_users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    login         TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    first_name    TEXT    NOT NULL,
    last_name     TEXT    NOT NULL,
    phone         TEXT    NOT NULL,
    location      TEXT    NOT NULL,
    active        INTEGER NOT NULL,
    staff         INTEGER NOT NULL,
    superuser     INTEGER NOT NULL,
    created_at    INTEGER,
    last_login_at INTEGER,
    user_groups   TEXT    NOT NULL,
    permissions   TEXT    NOT NULL,
    scopes        TEXT    NOT NULL,
    extra         BLOB,
    version       INTEGER NOT NULL,
    password_hash TEXT    NOT NULL,
    hash_class    TEXT    NOT NULL
);
CREATE INDEX ww_users_by_class ON ww_users (hash_class);

-- The one name space of logins and e-mail addresses, folded.
CREATE TABLE ww_names (
    name    TEXT    NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES ww_users (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX ww_names_by_user ON ww_names (user_id);

-- Ids of deleted users: nobody gets them again, imports included.
CREATE TABLE ww_gone_users (
    id INTEGER PRIMARY KEY
);

-- own_user is user_id as a number where the user is kept here, else NULL.
-- purge_hour is the hour since 1970 in which the row ceases to matter, and
-- not its exact time, so that a refresh seldom touches the index.
CREATE TABLE ww_sessions (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    profile      TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    user_version INTEGER NOT NULL,
    own_user     INTEGER,
    client_id    TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    device       TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    generation   INTEGER NOT NULL,
    created_at   INTEGER,
    advanced_at  INTEGER,
    idle_until   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    origin       BLOB,
    purge_hour   INTEGER NOT NULL
);
CREATE INDEX ww_sessions_by_user ON ww_sessions (user_id, number);
CREATE INDEX ww_sessions_by_purge ON ww_sessions (purge_hour);
CREATE UNIQUE INDEX ww_sessions_by_origin ON ww_sessions (origin) WHERE origin IS NOT NULL;

-- n comes from ww_counters, written in the same transaction: its order is
-- the order of commits.
CREATE TABLE ww_facts (
    n              INTEGER PRIMARY KEY,
    kind           INTEGER NOT NULL,
    id             TEXT    NOT NULL,
    number         INTEGER NOT NULL,
    up_to          INTEGER NOT NULL,
    except_session INTEGER NOT NULL,
    before         INTEGER,
    until          INTEGER NOT NULL
);
CREATE INDEX ww_facts_by_until ON ww_facts (until);

CREATE TABLE ww_counters (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO ww_counters (name, value) VALUES ('fact', 0);

CREATE TABLE ww_rings (
    ring    TEXT    NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE ww_keys (
    ring       TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    algorithm  TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    imported   INTEGER NOT NULL,
    sealed     BLOB,
    created_at INTEGER,
    state_at   INTEGER,
    PRIMARY KEY (ring, position)
);

CREATE TABLE ww_clients (
    name        TEXT NOT NULL PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    secret_hash BLOB,
    scopes      TEXT NOT NULL,
    created_at  INTEGER
);

CREATE TABLE ww_meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB
);

CREATE TABLE ww_audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER,
    kind    TEXT    NOT NULL,
    profile TEXT    NOT NULL,
    user_id TEXT    NOT NULL,
    login   TEXT    NOT NULL,
    session INTEGER NOT NULL,
    address TEXT    NOT NULL,
    device  TEXT    NOT NULL,
    code    TEXT    NOT NULL,
    detail  TEXT    NOT NULL
);
CREATE INDEX ww_audit_by_user ON ww_audit (user_id, id);
