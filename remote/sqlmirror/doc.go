// Package sqlmirror keeps the users of authorities elsewhere in the tables of
// a service's own database: a [remote.Users] for SQLite and PostgreSQL.
//
//	mirror, err := sqlmirror.Open(ctx, db, sqlmirror.SQLite, sqlmirror.Options{})
//	auth, err := remote.New(ctx, remote.Config{URL: "https://auth.internal", Audience: "shop", Users: mirror, …})
//
// A row is found by issuer and remote id, never by e-mail address and never by
// the id that it has here: two authorities have different users 1, and an
// address that moves from one person to the next moves no rights with it. Its
// local id is for the foreign keys of the application's own tables, and is
// never used again.
//
// What an authority says of staff and superusers counts there. Here nobody is
// either, unless [Options].Flags says who.
//
// Data of the application's own that comes with a user, as rows of a table
// beside his, is kept by a [Hook], in the transaction that writes him; [Rows]
// makes one that replaces what is stale.
package sqlmirror
