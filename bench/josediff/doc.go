// Package josediff compares the jwt package with go-jose and golang-jwt, token by token and key by key. It has tests only:
// each way in which they differ is a class with a name, an example and a reason, listed in README.md, and the fuzz
// targets look for differences that no class explains.
package josediff
