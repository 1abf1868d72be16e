package server

import (
	"context"
	"runtime/debug"
	"time"
)

// idleAfter is how long nobody must have asked before memory is given back.
const idleAfter = 5 * time.Second

// rest gives memory back to the system once nobody asks any more: hashing a
// password takes 19 MiB, and the runtime would keep what a burst of sign-ins
// took for minutes. Nobody waits for it: there is nobody.
func (s *Server) rest(ctx context.Context) {
	ticker := time.NewTicker(idleAfter)
	defer ticker.Stop()
	var rested, before uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := s.requests.Load()
		if asked == before && asked != rested {
			debug.FreeOSMemory()
			rested = asked
		}
		before = asked
	}
}
