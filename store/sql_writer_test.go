package store

import (
	"context"
	"strings"
	"testing"
)

// TestPanicInAWrite is inside the package: no call from outside can make a
// write panic.
func TestPanicInAWrite(t *testing.T) {
	err := guarded(t.Context(), nil, func(context.Context, *statements) error { panic("of ours") })
	if err == nil || !strings.Contains(err.Error(), "of ours") {
		t.Errorf("guarded = %v, want an error that names the panic", err)
	}
}
