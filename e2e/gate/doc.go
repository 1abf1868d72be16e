// Package gate tests watchword gate as it is deployed: the built program
// between clients and a service, beside the real nginx and the real Caddy,
// set up by the very lines of docs/gate.md.
package gate
