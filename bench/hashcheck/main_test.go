package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	const hash = `$2b$04$22g815ODEplzE3b76a8j0OSzNZiD/FanLorQvr6WjnN2JiWpxLICq`
	in := strings.Join([]string{
		`{"id":"match","hash":"` + hash + `","password_hex":"636f727265637420686f727365206261747465727920737461706c65"}`,
		`{"id":"mismatch","hash":"` + hash + `","password_hex":"00"}`,
		`{"id":"junk","hash":"` + strings.Repeat("$", 1<<20) + `","password_hex":""}`,
		`{"id":"hex","hash":"","password_hex":"0"}`,
		``,
		`nonsense`,
	}, "\n") // the last line without its end
	want := []string{
		`{"ok":true,"error":""}`,
		`{"ok":false,"error":"password: does not match"}`,
		`{"ok":false,"error":"password: stored hash is unsupported, malformed or too costly"}`,
		`{"ok":false,"error":"password_hex: encoding/hex: odd length hex string"}`,
		`{"ok":false,"error":"request: `,
	}
	var out strings.Builder
	if err := run(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != len(want) {
		t.Fatalf("run wrote %d lines, want %d:\n%s", len(got), len(want), out.String())
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d = %s, want %s", i, got[i], want[i])
		}
	}
}
