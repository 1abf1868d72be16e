// Package remote is for services that trust an authority elsewhere: they
// verify its tokens themselves, with keys and facts fetched ahead of need, and
// never ask it while a request waits.
//
// Begin with [New], which takes the place of watchword.New: profiles of
// httpauth are mounted over the [Client] that it returns, and guards, as over
// an authority here.
//
//	auth, err := remote.New(ctx, remote.Config{
//		URL: "https://auth.internal", Audience: "shop", ClientID: id, ClientSecret: secret,
//	})
//
// # Revocation
//
// With the credentials of a machine client the service follows the authority's
// revocation feed: it knows within milliseconds which sessions, tokens and
// users no longer count. It also knows how old its newest word is, and refuses
// every token once that is older than Config.MaxStale, unless OnStale says
// otherwise. Without credentials there is no feed, and a token counts until it
// expires.
//
// # Users
//
// Config.Users is handed every user who signs in here or shows a token here for
// the first time, before the request goes on; where that fails the answer is
// Unavailable, because what stands behind counts on the user's row. With
// credentials it is complete besides: a new service reads everybody, then
// follows what changes, each change at least once; users that cannot be written
// are tried again and hold up nobody else. Package sqlmirror keeps them in SQL;
// [Client.Require] judges them.
//
// # Trust
//
// Everything fetched is hostile until it has passed: connections are https
// outside loopback, addresses come from the configuration or from metadata
// that the configured issuer serves, never from a token, redirects are not
// followed, and answers are bounded in size and time and refused unless they
// are exactly what was asked for. What is refused changes nothing: the last
// good keys and facts stay in use until their stated age.
//
// [NewKeys] is the key set alone (RFC 7517), [Discover] reads an authority's
// metadata (RFC 8414).
package remote
