package config_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/store/django"
)

func TestUsers(t *testing.T) {
	file := write(t, "w.toml", `
[users]
dsn = "postgres://reader:hunter2@db/site"
table = "accounts_user"
columns = ["username=email", "is_staff=-"]
groups = false
upgrade = true
[password]
preferred = "bcrypt 13"`)
	c, err := config.Load(config.Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	want := django.Config{Table: django.Table{Name: "accounts_user", Username: "email", Staff: django.None, NoGroups: true}, Upgrade: true}
	if c.Users.Django != want {
		t.Errorf("the table is %+v, want %+v", c.Users.Django, want)
	}
	if got := c.Password.Params.Scheme; got != "django-bcrypt" {
		t.Errorf("hashes are written as %s: Django could not read them", got)
	}
	var printed bytes.Buffer
	if err := c.Print(&printed); err != nil || strings.Contains(printed.String(), "hunter2") || !strings.Contains(printed.String(), "accounts_user") {
		t.Errorf("Print shows the password or leaves the table out: %v\n%s", err, &printed)
	}
	dsn := write(t, "dsn", "sqlite:site.db\n")
	if c, err = config.Load(config.Sources{Environ: []string{"WATCHWORD_USERS_DSN_FILE=" + dsn}}); err != nil || c.Users.DSN != "sqlite:site.db" {
		t.Errorf("DSN = %q, %v, want what the file holds", c.Users.DSN, err)
	}
}

func TestUsersRefuse(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"no dsn": {
			"[users]\ntable = \"t\"\nexact = true\nupgrade = true\n",
			[]string{"users.table: users.dsn is not set", "users.exact: users.dsn is not set", "users.upgrade: users.dsn is not set"},
		},
		"columns": {
			"[users]\ndsn = \"sqlite:x\"\ncolumns = [\"email\", \"age=a\", \"email=\", \"email=a\", \"email=b\", \"password=-\"]\n",
			[]string{`"email" is not FIELD=COLUMN`, `"age=a" is not`, `"email=" is not`, "email is there twice", "nobody signs in without one"},
		},
		"sign-up": {
			"[users]\ndsn = \"sqlite:x\"\n[signup]\nenabled = true\n",
			[]string{"signup.enabled: the users are another system's"},
		},
	} {
		_, err := config.Load(config.Sources{File: write(t, "w.toml", tt.text)})
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Load = %v, want %q in it", name, err, want)
			}
		}
	}
	_, err := config.Load(config.Sources{Environ: []string{"WATCHWORD_USERS_DSN=sqlite:x", "WATCHWORD_USERS_DSN_FILE=y"}})
	if err == nil || !strings.Contains(err.Error(), "WATCHWORD_USERS_DSN is set too") {
		t.Errorf("Load with both = %v", err)
	}
}
