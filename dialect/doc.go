// Package dialect lets the server answer exactly as other systems do, so that
// a team moves to Go with the same clients, users, password hashes and
// signing key.
//
// A dialect is a pair of values made from its settings: what the engine is to
// be (Engine changes a watchword.Config), and how HTTP speaks (an
// httpauth.Profile). It is data; it holds no server and no store. Begin with
// [ByName], or with the constructor of the dialect in question; the settings
// have the original's names and meaning.
//
// Every dialect is faithful where a client can see and safe where an attacker
// can: where the original would let a thief in, the answer differs, and the
// difference is listed in differences/NAME.txt with its reason. A
// test fails for a difference that is not listed, and for a listed one that
// no longer differs.
package dialect
