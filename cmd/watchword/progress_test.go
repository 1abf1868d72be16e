package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// A bar is drawn over itself and ends its line; without a terminal there are
// whole lines, and few.
func TestProgress(t *testing.T) {
	for _, tt := range []struct {
		name string
		bar  bool
		want string
	}{
		{"terminal", true, "\r[===============               ] 500 of 1000 users, 50/s, 10s left\x1b[K\r[==============================] 1000 of 1000 users, 100/s\x1b[K\n"},
		{"file", false, "500 of 1000 users, 50/s, 10s left\n"},
	} {
		var out bytes.Buffer
		p := newProgress(&out)
		p.bar = tt.bar
		p.begun = time.Now().Add(-lineEvery)
		p.shown = p.begun
		p.show(500, 1000)
		p.show(600, 1000) // too soon
		p.show(1000, 1000)
		p.end()
		if got := out.String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	var out strings.Builder
	p := newProgress(&out)
	p.bar = true
	p.show(0, 0)
	p.end()
	if got := out.String(); !strings.Contains(got, "0 of 0 users") || !strings.HasSuffix(got, "\n") {
		t.Errorf("nobody: %q", got)
	}
}
