package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/password"
)

// TestInProcess runs every table and looks that all cases are refused; how
// long that takes is for people to judge.
func TestInProcess(t *testing.T) {
	cheap := password.Config{Preferred: password.Params{Memory: 64, Time: 1}}
	var out strings.Builder
	if err := run(t.Context(), &out, options{attempts: 1, tables: allTables(), hasher: cheap, bcryptCost: 4}); err != nil {
		t.Fatal(err)
	}
	for _, table := range allTables() {
		if !strings.Contains(out.String(), "the table holds "+table+"\n") {
			t.Errorf("no table of %s in\n%s", table, out.String())
		}
	}
	if got := strings.Count(out.String(), "\n| "+unknown+" | 1 |"); got != len(allTables()) {
		t.Errorf("%d rows of unknown, want %d:\n%s", got, len(allTables()), out.String())
	}
}

func TestRunRefusesAnUnknownTable(t *testing.T) {
	err := run(t.Context(), new(strings.Builder), options{attempts: 1, tables: []string{"plain text"}})
	if err == nil || !strings.Contains(err.Error(), tableDearer) {
		t.Errorf("run = %v, want the names of the tables", err)
	}
}

func TestOverHTTP(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   string // in the error; "": none
	}{
		{"refused", http.StatusBadRequest, `{"error":"invalid_grant"}`, ""},
		{"let in", http.StatusOK, `{"access_token":"x"}`, "status 200"},
		{"limited", http.StatusTooManyRequests, `{"error":"slow_down"}`, "status 429"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			var out strings.Builder
			o := options{attempts: 6, addr: server.URL, known: []string{"ann"}, disabled: []string{"bob"}}
			err := run(t.Context(), &out, o)
			if test.want == "" {
				if err != nil || !strings.Contains(out.String(), "| disabled: bob | 2 |") {
					t.Errorf("run = %v:\n%s", err, out.String())
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("run = %v, want %q", err, test.want)
			}
		})
	}
}
