// Package watchword signs people in and keeps them signed in: tokens checked
// as cheaply as JWTs and ended as surely as sessions.
//
// # A tour
//
// An [Authority] is made by [New] from a [Config]: an issuer, an audience, a
// [Store], and a seal key of 32 random bytes. [Authority.SignIn] turns
// [Credentials] into a session and its [Tokens]. [Authority.Verify] turns an
// access token into [Claims], in memory, without asking anybody.
// [Authority.Refresh] exchanges the refresh token for the next pair, and
// [Authority.SignOut] ends the session, after which none of its tokens counts.
//
// A service that only verifies uses a [Verifier]: with the keys of package
// remote, or any other jwt.KeySource. [Verifier.Explain] tells each check that
// Verify makes, for whoever wonders about a 401.
//
// What was refused is an error that carries a [Code]. Branch on it:
//
//	if errors.Is(err, watchword.TokenExpired) { … }
//
// A [Policy] says yes or no to claims that were verified; [Scope],
// [Permission], [Role], [Claim], [Fresh], [All], [Any], [Not] and [Because]
// make them.
//
// The other packages: httpauth is the HTTP face, with guards for routes of
// your own; store keeps everything in memory or in SQLite; dialect answers as
// other systems do; jwt and password are the ground, of use by themselves.
// This package knows no HTTP, no SQL and no environment.
//
// # Whose users
//
// By default users live in the Store. Users of the application's own need
// one method to be found again ([Users]), two more where we are to check
// their password hashes ([PasswordUsers]), or one that proves who somebody is
// by any other means ([Authenticator]). Whoever changes a password or disables
// a user behind our back calls [Authority.End], because no token asks the
// table.
//
// # What ends a token early
//
// A [Fact] says what no longer counts: a session, a user's sessions, one
// token, claims made before rights changed. Facts are written in the
// transaction that makes them so. A [RevocationList] holds them in memory for
// all authorities of a process; the process that wrote one knows it before it
// answers, others that call [Authority.Run] within [PollInterval].
//
// # What to avoid
//
// Fields that begin with Insecure weaken what their comment says. Two
// authorities of one profile over one store need the same seal key. A
// restored backup must be renewed (store.DB.Renew) before it is used, or
// numbers are given twice. Do not verify with a secret in more places than
// may sign.
//
// # Compatibility
//
// There is no release yet, and until the first one everything may change.
// From then on, within a major version: exported names keep their meaning;
// the names of codes, of claims and of settings stay; what was signed or
// stored by an older version is read by a newer one. New fields, codes, event
// kinds and optional interfaces may appear in any version, so name the
// fields of struct literals, and give a switch over codes a default. Texts of
// errors, the form of refresh tokens, sealed bytes, and tables that begin with
// ww_ are nobody's interface. A behaviour that proves unsafe is mended in any
// version, and the changelog says so under Security.
package watchword
