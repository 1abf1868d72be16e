// Package routers holds the guard to its word with routers that need no
// adapter: whatever takes func(http.Handler) http.Handler guards its routes
// unchanged. It has tests only.
package routers
