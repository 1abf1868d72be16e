package remote_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/watchword-auth/watchword/remote"
)

// Whatever is printed or logged by mistake does not show the secret.
func TestSecretIsNotPrinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		config := remote.Config{URL: issuer, ClientID: c.id, ClientSecret: c.secret}
		client := c.service(t, nil)
		for name, v := range map[string]any{"Config": config, "*Config": &config, "Client": client, "list": []any{config, client}, "struct": struct{ C remote.Config }{config}} {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&out, verb, v)
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", v)
			if strings.Contains(out.String(), c.secret) || strings.Contains(out.String(), fmt.Sprintf("%x", c.secret)) {
				t.Errorf("%s shows the secret: %s", name, out.String())
			}
		}
	})
}
