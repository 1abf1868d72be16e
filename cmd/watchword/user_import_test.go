package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// scriptSite is the script command `site DATABASE STATEMENTS`: it makes the
// SQLite database of a Django site, or changes it.
func scriptSite(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: site DATABASE STATEMENTS")
	}
	ts.Check(execSite(ts.MkAbs(args[0]), ts.ReadFile(args[1])))
}

func execSite(path, statements string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(off)")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), statements)
	return err
}

const siteSchema = `CREATE TABLE "auth_user" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "password" varchar(128) NOT NULL,
		"last_login" datetime NULL, "is_superuser" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "last_name" varchar(150) NOT NULL,
		"email" varchar(254) NOT NULL, "is_staff" bool NOT NULL, "is_active" bool NOT NULL, "date_joined" datetime NOT NULL, "first_name" varchar(150) NOT NULL);
	CREATE TABLE "token_blacklist_outstandingtoken" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "token" text NOT NULL,
		"created_at" datetime NULL, "expires_at" datetime NOT NULL, "user_id" integer NULL, "jti" varchar(255) NOT NULL UNIQUE);
	CREATE TABLE "token_blacklist_blacklistedtoken" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "blacklisted_at" datetime NOT NULL, "token_id" bigint NOT NULL UNIQUE);`

// siteUsers adds so many users, user1 to userN.
func siteUsers(n int) string {
	return fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO auth_user SELECT i, 'pbkdf2_sha256$1000$pyrHceAReWcntY02GdQX3I$OlqJn3tsBLNdmW69A5WxnO/57ndqEwgfo0vWwCMlPgc=',
			NULL, 0, 'user' || i, '', 'user' || i || '@example.com', 0, 1, '2020-01-02 03:04:05', '' FROM n;`, n)
}

// importSite runs the import and returns its report.
func importSite(t *testing.T, dir string, flags ...string) importedUsers {
	t.Helper()
	out, err := importCommand(t, dir, flags...).Output()
	var r struct{ Users importedUsers }
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	return r.Users
}

type importedUsers struct {
	Read, Added, Same int
}

func importCommand(t *testing.T, dir string, flags ...string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("watchword")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, append([]string{"user", "import", "django", "--json", "--dsn", "sqlite:site.sqlite3", "--db", "sqlite:w.db"}, flags...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), cheapName+"="+cheapHash, raceName+"="+raceAtOnce)
	return c
}

// An import that is killed leaves whole users, and the same command brings
// in the rest and no one twice.
func TestImportKilled(t *testing.T) {
	const users = 30_000
	dir := t.TempDir()
	if err := execSite(filepath.Join(dir, "site.sqlite3"), siteSchema+siteUsers(users)); err != nil {
		t.Fatal(err)
	}
	killed := importCommand(t, dir)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	var fault error // to be read once ended is closed
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fault = killed.Wait()
	}()
	for some := false; !some; {
		select {
		case <-ended:
			t.Fatalf("the import ended before it could be killed: %v", fault)
		case <-time.After(time.Millisecond): // until the next look
		}
		some = stored(t, dir, false) > 0
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	before := stored(t, dir, true)
	if before == 0 || before == users || before%1000 != 0 {
		t.Errorf("%d users are here after the kill, want some thousands of %d", before, users)
	}
	if got, want := importSite(t, dir), (importedUsers{users, users - before, before}); got != want {
		t.Errorf("the import after the kill: %+v, want %+v", got, want)
	}
	if got, want := importSite(t, dir), (importedUsers{users, 0, users}); got != want {
		t.Errorf("the same again: %+v, want %+v", got, want)
	}
	if n := stored(t, dir, true); n != users {
		t.Errorf("%d users are here in the end", n)
	}
}

// stored counts the users of the database, where it is there already; whole
// looks whether it is sound, too.
func stored(t *testing.T, dir string, whole bool) (n int) {
	t.Helper()
	path := filepath.Join(dir, "w.db")
	if !whole {
		// From aside: nothing is made, and nothing waits for it.
		db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_ = db.QueryRowContext(t.Context(), "SELECT count(*) FROM ww_users").Scan(&n) // before there are tables: 0
		return n
	}
	o, err := open.Store(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close(t.Context())
	if err := o.Integrity(t.Context()); err != nil {
		t.Error(err)
	}
	if err := o.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM ww_users").Scan(&n); err != nil {
		t.Fatal(err)
	}
	var keys int
	if err := o.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM ww_imports").Scan(&keys); err != nil || keys != n {
		t.Errorf("%d users and %d keys are here, %v", n, keys, err)
	}
	return n
}

// A dialect that takes over the site's refresh tokens refuses those that the
// site refuses: by the first import, and by one beside the running server.
func TestImportedBlacklist(t *testing.T) {
	const secret = "the secret of the site, which signs its tokens"
	dir := t.TempDir()
	site := filepath.Join(dir, "site.sqlite3")
	refuse := func(id int, jti string) {
		t.Helper()
		err := execSite(site, fmt.Sprintf(`INSERT INTO token_blacklist_outstandingtoken VALUES (%d, '', NULL, '%s', 1, '%s');
			INSERT INTO token_blacklist_blacklistedtoken (blacklisted_at, token_id) VALUES ('2026-01-01 00:00:00', %d);`,
			id, time.Now().UTC().Add(time.Hour).Format("2006-01-02 15:04:05"), jti, id))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := execSite(site, siteSchema+siteUsers(3)); err != nil {
		t.Fatal(err)
	}
	refuse(1, "refused at once")
	importSite(t, dir)
	config := filepath.Join(dir, "w.toml")
	text := fmt.Sprintf("db = %q\n[[dialect]]\nname = \"easyjwt\"\nadopt_until = %s\n[dialect.settings]\nSIGNING_KEY = %q\n",
		"sqlite:"+filepath.Join(dir, "w.db"), time.Now().UTC().Add(time.Hour).Format(time.RFC3339), secret)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, url, stderr := process(t, "--config", config)
	defer stderr.Close()
	refresh := func(jti string) int {
		t.Helper()
		body := fmt.Sprintf(`{"refresh":%q}`, siteToken(t, secret, map[string]any{
			"token_type": "refresh", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix() - 60, "jti": jti, "user_id": 2,
		}))
		answer, err := http.Post(url+"/auth/token/refresh/", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	if got := refresh("refused at once"); got != http.StatusUnauthorized {
		t.Errorf("a refused token is answered %d", got)
	}
	if got := refresh("good"); got != http.StatusOK {
		t.Errorf("a good token is answered %d", got)
	}
	refuse(2, "refused later")
	refuse(3, "good") // it has opened a session here by now
	importSite(t, dir)
	for _, jti := range []string{"refused later", "good"} {
		if got := refresh(jti); got != http.StatusUnauthorized {
			t.Errorf("the token that is %s is answered %d after the second import", jti, got)
		}
	}
}

// siteToken signs claims as the site does (RFC 7515, HS256).
func siteToken(t *testing.T, secret string, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
