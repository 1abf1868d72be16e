// Package attack has only tests: it shows authtest handlers that others write
// by hand.
package attack
