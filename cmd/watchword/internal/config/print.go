package config

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

const masked = "********"

// Print writes the settings as the file that would give them, with secrets
// masked.
func (c Config) Print(w io.Writer) error {
	var b strings.Builder
	section := ""
	for _, s := range settings() {
		before, key, nested := strings.Cut(s.key, ".")
		if !nested {
			before, key = "", s.key
		}
		if before != section {
			fmt.Fprintf(&b, "\n[%s]\n", before)
			section = before
		}
		value := s.show(&c)
		switch s.key {
		case "db":
			value = MaskDSN(c.DB)
		case "users.dsn":
			value = MaskDSN(c.Users.DSN)
		}
		if value == "" {
			fmt.Fprintf(&b, "# %s is not set\n", key)
			continue
		}
		if err := line(&b, key, value); err != nil {
			return err
		}
	}
	for _, d := range c.Dialects {
		if err := d.print(&b); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func line(b *strings.Builder, key string, value any) error {
	text, err := toml.Marshal(map[string]any{key: value})
	if err != nil {
		return fmt.Errorf("show %s: %w", key, err)
	}
	b.Write(text)
	return nil
}

func (d Dialect) print(b *strings.Builder) error {
	table := map[string]any{"name": d.Name}
	if d.Prefix != "" {
		table["prefix"] = d.Prefix
	}
	if d.SampleRoutes {
		table["sample_routes"] = true
	}
	if len(d.UserFields) > 0 {
		table["user_fields"] = d.UserFields
	}
	if !d.AdoptUntil.IsZero() {
		table["adopt_until"] = d.AdoptUntil
	}
	if d.InsecureShortSecret {
		table["insecure_short_secret"] = true
	}
	if len(d.Settings) > 0 {
		table["settings"] = maskSettings(d.Settings)
	}
	text, err := toml.Marshal(map[string]any{"dialect": []any{table}})
	if err != nil {
		return fmt.Errorf("show dialect %s: %w", d.Name, err)
	}
	fmt.Fprintf(b, "\n%s", text)
	return nil
}

// maskSettings hides what by its name may be a secret, since what the names
// mean only the dialect knows: better one too many. The name of a file is
// none.
func maskSettings(settings map[string]any) map[string]any {
	shown := maps.Clone(settings)
	for name, value := range settings {
		upper := strings.ToUpper(name)
		if table, ok := value.(map[string]any); ok {
			shown[name] = maskSettings(table)
			continue
		}
		for _, part := range []string{"KEY", "SECRET", "PASSWORD", "PASSPHRASE"} {
			if _, isText := value.(string); isText && strings.Contains(upper, part) && !strings.HasSuffix(upper, "_FILE") {
				shown[name] = masked
			}
		}
	}
	return shown
}

// MaskDSN hides the password of a DSN.
func MaskDSN(dsn string) string {
	if !strings.Contains(dsn, "://") {
		return dsn
	}
	u, err := url.Parse(dsn)
	if err != nil {
		scheme, _, _ := strings.Cut(dsn, "://")
		return scheme + "://" + masked
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}
