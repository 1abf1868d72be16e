package main

import (
	"net/http"
	"testing"
)

// TestGuardsAgree has every guard judge the same requests.
func TestGuardsAgree(t *testing.T) {
	k := testKeys(t)
	for _, alg := range algorithms {
		handlers, err := guards(k, alg)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name, token string
			ok          bool
		}{
			{"good", reference(t, k, alg, nil), true},
			{"good again", reference(t, k, alg, nil), true},
			{"expired", reference(t, k, alg, func(c *claims) { c.Expiry = c.IssuedAt }), false},
			{"for others", reference(t, k, alg, func(c *claims) { c.Audience += "/" }), false},
			{"another's", reference(t, testKeys(t), alg, nil), false},
			{"none", "", false},
		} {
			r, err := getMe(test.token)
			if err != nil {
				t.Fatal(err)
			}
			for name, h := range handlers {
				w := &recorder{header: make(http.Header)}
				err := w.call(h, r)
				if name == nameBare {
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				if (err == nil) != test.ok || !test.ok && w.status != http.StatusUnauthorized {
					t.Errorf("%s, %s, %s: status %d, served %v, want %v", alg, name, test.name, w.status, err == nil, test.ok)
				}
			}
		}
	}
}
