package httpauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// kinded is a service whose tokens are called as their kind.
type kinded struct{ httpauth.Service }

func (kinded) Verify(_ context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error) {
	if len(kinds) == 0 {
		kinds = []watchword.Kind{watchword.Access}
	}
	for _, k := range kinds {
		if raw == k.String() {
			return &watchword.Claims{Kind: k}, nil
		}
	}
	return nil, watchword.WrongKind
}

func TestGuardedRoutesAcceptTheProfilesKinds(t *testing.T) {
	tests := []struct {
		name  string
		kinds []watchword.Kind
		opens map[string]int
	}{
		{"by default", nil, map[string]int{"access": 200, "refresh": 401, "sliding": 401}},
		{"sliding", []watchword.Kind{watchword.Sliding}, map[string]int{"access": 401, "refresh": 401, "sliding": 200}},
		{"either", []watchword.Kind{watchword.Access, watchword.Sliding}, map[string]int{"access": 200, "refresh": 401, "sliding": 200}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok := func(x *httpauth.Exchange) (httpauth.Reply, error) { return x.JSON(200, x.Claims.Kind.String()) }
			p := httpauth.Profile{
				Name: "kinds", Prefix: "/", Kinds: tt.kinds,
				Routes: []httpauth.Route{{Pattern: "GET inside", Guarded: true, Serve: ok}},
			}
			inside, err := httpauth.Handler(kinded{}, p)
			if err != nil {
				t.Fatal(err)
			}
			outside := p.Guard(kinded{}).Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			for token, want := range tt.opens {
				for where, h := range map[string]http.Handler{"/inside": inside, "/outside": outside} {
					r := httptest.NewRequest("GET", where, nil)
					r.Header.Set("Authorization", "Bearer "+token)
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					if w.Code != want {
						t.Errorf("GET %s with a token of kind %s = %d, want %d", where, token, w.Code, want)
					}
				}
			}
		})
	}
}
