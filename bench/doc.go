// Package bench measures Watchword beside its peers.
package bench
