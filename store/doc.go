// Package store keeps what an authority must remember: users, sessions,
// facts, keys, machine clients, small values and the audit log.
//
// [Open] does so in a database that the caller opened with a driver of his
// choice; [NewMemory] does so in memory, for tests and first steps. Both
// implement every store interface of package watchword, and both pass the
// contract suite in package storetest, which is there for other stores too.
//
// Nothing is decided here. What becomes of a session that is refreshed is
// [watchword.Session.Advance]; stores only run it while they hold the row.
// Of secrets a store sees hashes and sealed bytes alone.
//
// Times are kept in microseconds, UTC, and come back so. Empty lists and
// empty byte strings come back nil.
package store
