// Package jwt signs and opens compact JSON Web Signatures (RFC 7515) and reads the claims of JSON
// Web Tokens (RFC 7519), following the best current practices of RFC 8725.
//
// Begin with a [Key]: made by [GenerateKey], read by [ParseKey], or standing for one in a key
// service by [NewKey]. [Sign] makes a token and [Open] checks one. A [Keyring] holds the keys of an
// issuer, one that signs and several that verify, so that keys can be replaced while tokens live.
// [ParseRegistered] and [Walk] read what is in a payload.
//
// A key is bound to one algorithm, and a token's header must name that algorithm: the header never
// chooses. There is no "none", no encryption, no compression and no fetching of keys that a header
// points to. Every input is bounded before it is read.
//
// The package knows no HTTP and no clock: where time matters, the caller hands it in. All types are
// safe for concurrent use unless they say otherwise.
package jwt
