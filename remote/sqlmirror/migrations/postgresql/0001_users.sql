CREATE TABLE ww_remote_users (
    id            BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer        TEXT    NOT NULL,
    remote_id     TEXT    NOT NULL,
    login         TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    first_name    TEXT    NOT NULL,
    last_name     TEXT    NOT NULL,
    phone         TEXT    NOT NULL,
    location      TEXT    NOT NULL,
    active        BOOLEAN NOT NULL,
    staff         BOOLEAN NOT NULL,
    superuser     BOOLEAN NOT NULL,
    rights        TEXT    NOT NULL,
    extra         TEXT    NOT NULL,
    raw           TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    last_login_at BIGINT  NOT NULL,
    UNIQUE (issuer, remote_id)
);

CREATE TABLE ww_remote_cursors (
    issuer   TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
);
