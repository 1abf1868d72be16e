package watchword_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
)

// Whatever is printed or logged by mistake, whole or inside another value,
// shows no password, token or key.
func TestNothingSecretIsPrinted(t *testing.T) {
	const secret = "hush-4711-hush"
	hash := secret
	key := bytes.Repeat([]byte{0xA7}, 32)
	b := newBench(t, func(c *watchword.Config) { c.SealKey = key })
	credentials := watchword.Credentials{Login: "ann", Password: secret}
	config := watchword.Config{Issuer: "https://issuer.example", SealKey: key}
	values := map[string]any{
		"Credentials":     credentials,
		"*Credentials":    &credentials,
		"SignInRequest":   watchword.SignInRequest{Credentials: credentials},
		"*SignInRequest":  &watchword.SignInRequest{Credentials: credentials},
		"SignUpRequest":   watchword.SignUpRequest{Password: secret},
		"PasswordChange":  watchword.PasswordChange{Current: secret, New: secret},
		"*PasswordChange": &watchword.PasswordChange{Current: secret, New: secret},
		"RefreshRequest":  watchword.RefreshRequest{Raw: secret},
		"SignOutRequest":  watchword.SignOutRequest{Raw: secret},
		"Tokens":          watchword.Tokens{Access: secret, Refresh: secret},
		"*Tokens":         &watchword.Tokens{Access: secret, Refresh: secret},
		"NewUser":         watchword.NewUser{PasswordHash: secret},
		"*NewUser":        &watchword.NewUser{PasswordHash: secret},
		"UserChange":      watchword.UserChange{PasswordHash: &hash},
		"Config":          config,
		"*Config":         &config,
		"Authority":       b.Authority,
		"list":            []any{credentials, watchword.Tokens{Access: secret}, config},
		"struct":          struct{ In watchword.SignInRequest }{watchword.SignInRequest{Credentials: credentials}},
	}
	forbidden := []string{secret, "167 167", "0xa7, 0xa7", "a7a7a7", "A7A7A7", "p6enp6en"}
	for name, v := range values {
		for how, text := range renderings(v) {
			for _, bad := range forbidden {
				if strings.Contains(text, bad) {
					t.Errorf("%s by %s: %.200s", name, how, text)
					break
				}
			}
		}
	}
}

// renderings are all ways to print or log v.
func renderings(v any) map[string]string {
	all := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all[verb] = fmt.Sprintf(verb, v)
	}
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "value", v)
	slog.New(slog.NewJSONHandler(&object, nil)).Info("x", "value", v)
	all["slog text"], all["slog JSON"] = text.String(), object.String()
	return all
}
