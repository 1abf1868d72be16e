// Package e2e tests the built program in a real browser, as its users do.
package e2e
