// Package client tests watchword.js and its example in a real browser.
package client
