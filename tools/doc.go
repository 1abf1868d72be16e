// Package tools pins the programs this project is checked with (the tool lines of
// go.mod) and holds the small ones of its own. It is a module outside the
// workspace: what the linters require stays out of everybody else's module graph.
package tools
