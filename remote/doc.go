// Package remote is for services that trust an authority elsewhere: they
// verify its tokens themselves, with keys fetched ahead of need, and never ask
// it while a request waits.
//
// Begin with [NewKeys], which follows the key set that an authority publishes
// (RFC 7517) and serves as the Keys of a [watchword.Verifier]. [Discover] reads
// an authority's metadata (RFC 8414).
//
// Everything fetched is hostile until it has passed: connections are https
// outside loopback, addresses come from the configuration or from metadata
// that the configured issuer serves, never from a token, redirects are not
// followed, and answers are bounded in size and time and refused unless they
// are exactly what was asked for. What is refused changes nothing: the last
// good set stays in use until its stated age.
package remote
