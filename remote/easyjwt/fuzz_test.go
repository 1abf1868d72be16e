package easyjwt_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote/easyjwt"
)

// canned answers everything with the same, without a network.
type canned struct{ verify, user []byte }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	body := c.verify
	if r.Method == http.MethodGet {
		body = c.user
	}
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// Whatever the authority sends as a record, and whatever is shown as a token,
// only the token's own user is ever written, and only for an access token.
func FuzzVerify(f *testing.F) {
	f.Add(`{"token_type":"access","exp":9999999999,"user_id":3}`, []byte(`{"id":3,"email":"a@b","is_active":true,"date_joined":"2026-01-01T00:00:00Z","x":{"y":[1]}}`))
	f.Add(`{"token_type":"access","user_id":"3"}`, []byte(`{"id":"3","last_login":null}`))
	f.Add(`{"token_type":"refresh","user_id":3}`, []byte(`{"id":3}`))
	f.Add(`{"token_type":"access","user_id":3,"user_id":4}`, []byte(`{"id":3,"id":4}`))
	f.Add(`[]`, []byte(`{"is_active":"yes"}`))
	f.Fuzz(func(t *testing.T, payload string, record []byte) {
		u := &users{}
		c, err := easyjwt.New(easyjwt.Config{Users: u, Transport: canned{[]byte("{}"), record}})
		if err != nil {
			t.Fatal(err)
		}
		claims, err := c.Verify(t.Context(), jwtOf(payload))
		switch {
		case err != nil && len(u.byID) != 0:
			t.Errorf("%q: refused with %v, and yet %v was written", payload, err, u.byID)
		case err != nil:
			if watchword.CodeOf(err) == watchword.Internal {
				t.Errorf("%q, %q: %v", payload, record, err)
			}
		case claims.Kind != watchword.Access || claims.UserID == "" || len(u.byID) != 1 || u.byID[claims.UserID].ID != claims.UserID:
			t.Errorf("%q is %+v, and %v was written", payload, claims, u.byID)
		}
	})
}

// EZ-59: certificates are looked at unless the settings say otherwise.
func TestCertificates(t *testing.T) {
	s := httptest.NewTLSServer(answers(200, "{}"))
	defer s.Close()
	for insecure, want := range map[bool]string{false: "Authentication Service Connection Error.", true: ""} {
		c, err := easyjwt.New(easyjwt.Config{URL: s.URL, Users: &users{}, Transport: easyjwt.NewTransport(insecure)})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := c.Check(t.Context(), "a.b.c", watchword.Client{}); err != nil {
			got = err.(*easyjwt.Refusal).Text
		}
		if got != want {
			t.Errorf("with insecureSkipVerify=%t: %q, want %q", insecure, got, want)
		}
	}
}
