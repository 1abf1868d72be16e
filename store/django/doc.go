// Package django reads the users of a Django project where they are: in its
// own table, in SQLite or PostgreSQL, so that both applications go on signing
// the same people in.
//
//	users, err := django.Open(ctx, db, django.Config{Flavor: django.PostgreSQL})
//	auth, err := watchword.New(watchword.Config{Users: users, Store: sessions, …})
//
// Nothing is written: a [Users] prepares no statement that does, unless
// [Config].Upgrade lets it replace a hash at sign-in or [Users.Recorder] is
// asked for. A hash is then written as Django spells it, by
// [password.Params.Django], and never one that Django does not know.
//
// # Who a login means
//
// Django compares user names letter for letter and does not keep e-mail
// addresses apart. So the row whose user name is exactly the login comes
// first; after it the one row whose user name or address is the login in
// another case; and where two rows are, nobody. What the database takes for
// equal is compared again as [watchword.FoldLogin] has it, because a database
// may take for equal what is not (CVE-2019-19844: a dotless i). [Config].Exact
// leaves all of that away.
//
// # What Django changes
//
// Django does not tell us of its changes, so a user's Version is made from
// his password's hash and from whether he is active: a sign-in or a refresh
// after a change meets another version and is refused. An access token that
// was made before lives to its end, unless its session is ended here.
//
// [password.Params.Django]: https://pkg.go.dev/github.com/watchword-auth/watchword/password#Params.Django
package django
