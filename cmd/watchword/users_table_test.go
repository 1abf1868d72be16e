package main

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/djangotest"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/pgtest"
)

// vectorPassword is that of the hashes of shared, which Django 3.2 and the
// libraries beneath it have made; password/testdata tells of them.
const vectorPassword = "correct horse battery staple"

// shared are users whom Django has made, one of each hasher.
func shared() map[string]string {
	return map[string]string{
		"pbkdf2":  "pbkdf2_sha256$1000$pyrHceAReWcntY02GdQX3I$OlqJn3tsBLNdmW69A5WxnO/57ndqEwgfo0vWwCMlPgc=",
		"sha1":    "pbkdf2_sha1$1000$gEaggfZmCu3WTpPABQHL2R$Pa+CUMkkaoktM6dRwKqXVV4o9xs=",
		"argon2":  "argon2$argon2id$v=19$m=1024,t=2,p=2$6cfpU4UTAivGx/XVBdPjaA$RC8mqDgDLZ55ZUDZQmgxm1pcBiKcOFrghfXF2FHYeIQ",
		"bcrypt":  "bcrypt$$2b$04$22g815ODEplzE3b76a8j0OSzNZiD/FanLorQvr6WjnN2JiWpxLICq",
		"bsha256": "bcrypt_sha256$$2b$04$CQcv6CKaede7PUnlAUJd8.qnD4KcpocFva91zUXH70oURYfM4JIum",
		"scrypt":  "scrypt$1024$OQasjSVosrzpwYhdDqmjtM$8$1$+7TWLfknDr0CeZjY4a67EYhSTDqGABanksz5P46WxR60HDMaMPaWAdfXBhJYsG3CFBfnYPjslK4VqFqoGzd/Cw==",
		"md5":     "md5$QSusShhggKPdjZ7JMbnIm5$8c2896dad3796f0eb261bcf71b962379",
	}
}

// djangoAccepts does what Django's PBKDF2PasswordHasher.verify does, with the
// standard library alone.
func djangoAccepts(t *testing.T, password, encoded string) bool {
	t.Helper()
	parts := strings.Split(encoded, "$")
	if len(parts) != 4 || parts[0] != "pbkdf2_sha256" {
		return false
	}
	rounds, err := strconv.Atoi(parts[1])
	if err != nil {
		return false
	}
	key, err := pbkdf2.Key(sha256.New, password, []byte(parts[2]), rounds, sha256.Size)
	return err == nil && base64.StdEncoding.EncodeToString(key) == parts[3]
}

// tableServer is a program over a project's users.
type tableServer struct {
	t       *testing.T
	project *djangotest.Project
	url     string
	config  string
}

// overTable starts a server with the five dialects over a project's table.
func overTable(t *testing.T, p *djangotest.Project, more string) *tableServer {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "w.toml")
	text := "db = " + strconv.Quote("sqlite:"+filepath.Join(t.TempDir(), "w.db")) + "\n[limits]\nenabled = false\n[keys]\nalgorithm = \"HS256\"\nsecret_file = " + strconv.Quote(secret) +
		"\n[users]\ndsn = " + strconv.Quote(p.DSN) + "\n" + more
	for _, d := range []string{"djwto", "easyjwt", "esmerald", "oauth2", "ellar"} {
		text += "[[dialect]]\nname = \"" + d + "\"\nprefix = \"/" + d + "\"\nsample_routes = true\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, address, stderr := process(t, "--config", file)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, stderr)
	}()
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
		<-drained
	})
	return &tableServer{t: t, project: p, url: address, config: file}
}

// post asks with a JSON body, or a form where body is url.Values.
func (s *tableServer) post(path string, body any) (int, map[string]any) {
	s.t.Helper()
	kind, text := "application/x-www-form-urlencoded", ""
	if form, ok := body.(url.Values); ok {
		text = form.Encode()
	} else {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		kind, text = "application/json", string(b)
	}
	answer, err := http.Post(s.url+path, kind, strings.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var got map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&got) // whatever it is, the status tells
	return answer.StatusCode, got
}

// signIn signs in natively and returns the answer's tokens.
func (s *tableServer) signIn(login, password string) (status int, access, refresh string) {
	s.t.Helper()
	status, got := s.post("/auth/v1/token", map[string]string{"login": login, "password": password})
	access, _ = got["access_token"].(string)
	refresh, _ = got["refresh_token"].(string)
	return status, access, refresh
}

func (s *tableServer) refresh(token string) int {
	s.t.Helper()
	status, _ := s.post("/auth/v1/refresh", map[string]string{"refresh_token": token})
	return status
}

// command runs a command with the server's settings.
func (s *tableServer) command(stdin string, args ...string) (code int, out string) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(s.t.Context(), append(args, "--config", s.config), streams{in: strings.NewReader(stdin), out: &stdout, err: &stderr}, []string{cheapName + "=" + cheapHash})
	return code, stdout.String() + stderr.String()
}

// sites runs a test over a project in both databases.
func sites(t *testing.T, run func(t *testing.T, p *djangotest.Project)) {
	t.Run("sqlite", func(t *testing.T) { run(t, djangotest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, djangotest.Postgres(t, pgtest.Start(t), "site")) })
}

func addShared(t *testing.T, p *djangotest.Project) {
	t.Helper()
	for _, login := range []string{"pbkdf2", "sha1", "argon2", "bcrypt", "bsha256", "scrypt", "md5"} {
		p.Add(t, watchword.NewUser{
			User:         watchword.User{Login: login, Email: login + "@example.com", FirstName: "Jane", LastName: "Doe", Active: true, CreatedAt: time.Unix(1e9, 0)},
			PasswordHash: shared()[login],
		})
	}
}

// Feature OA-35: one table of users, and both systems go on signing the same
// people in, in every dialect.
func TestOneTableWithDjango(t *testing.T) {
	sites(t, func(t *testing.T, p *djangotest.Project) {
		addShared(t, p)
		s := overTable(t, p, "")
		for login := range shared() {
			mail, pw := login+"@example.com", vectorPassword
			for _, try := range []struct {
				path string
				body any
			}{
				{"/auth/v1/token", map[string]string{"login": login, "password": pw}},
				{"/auth/v1/token", map[string]string{"login": strings.ToUpper(mail), "password": pw}},
				{"/djwto/login/", url.Values{"username": {login}, "password": {pw}}},
				{"/easyjwt/token/", map[string]string{"email": mail, "password": pw}},
				{"/esmerald/signin", map[string]string{"email": mail, "password": pw}},
				{"/oauth2/token", url.Values{"username": {login}, "password": {pw}}},
				{"/ellar/login", map[string]string{"username": login, "password": pw}},
			} {
				if status, got := s.post(try.path, try.body); status != http.StatusOK {
					t.Errorf("%s as %s = %d %v, want 200", try.path, login, status, got)
				}
			}
			if status, _, _ := s.signIn(login, pw+"x"); status != http.StatusBadRequest {
				t.Errorf("a wrong password of %s = %d, want 400", login, status)
			}
			if got := p.Hash(t, login); got != shared()[login] {
				t.Errorf("the hash of %s became %q: the table is Django's", login, got)
			}
		}
		if status, _, _ := s.signIn("nobody", vectorPassword); status != http.StatusBadRequest {
			t.Errorf("nobody = %d, want 400", status)
		}
	})
}

// Walk-through 002, steps 17 and 18: with upgrade a sign-in replaces the hash,
// and Django accepts what it finds then.
func TestDjangoSignsInAfterUs(t *testing.T) {
	sites(t, func(t *testing.T, p *djangotest.Project) {
		addShared(t, p)
		s := overTable(t, p, "upgrade = true\nrecord_login = true\n")
		for login, old := range shared() {
			status, _, refresh := s.signIn(login, vectorPassword)
			if status != http.StatusOK {
				t.Fatalf("%s = %d, want 200", login, status)
			}
			now := p.Hash(t, login)
			if (now == old) != strings.HasPrefix(old, "pbkdf2_sha256$1000$") {
				t.Errorf("%s: the hash is %q, want it upgraded where it is not of the preferred scheme", login, now)
			}
			if !djangoAccepts(t, vectorPassword, now) || djangoAccepts(t, "another", now) {
				t.Errorf("%s: Django does not take %q", login, now)
			}
			// The session that the upgrade came with goes on.
			if got := s.refresh(refresh); got != http.StatusOK {
				t.Errorf("%s: refresh after the upgrade = %d, want 200", login, got)
			}
			if status, _, _ := s.signIn(login, vectorPassword); status != http.StatusOK {
				t.Errorf("%s again = %d, want 200", login, status)
			}
			if p.Hash(t, login) != now {
				t.Errorf("%s: the hash was written again", login)
			}
		}
		var seen int
		if err := p.QueryRowContext(t.Context(), `SELECT count(*) FROM "auth_user" WHERE "last_login" IS NOT NULL`).Scan(&seen); err != nil || seen != len(shared()) {
			t.Errorf("%d users have a last sign-in, %v, want %d", seen, err, len(shared()))
		}
	})
}

// Of sign-ins at once with a hash that grows old one writes it anew, and the
// others, whose password is as right, are not refused for it.
func TestUpgradesAtOnce(t *testing.T) {
	sites(t, func(t *testing.T, p *djangotest.Project) {
		addShared(t, p)
		s := overTable(t, p, "upgrade = true\n")
		statuses := make(chan int)
		const each = 8
		for range each {
			for _, login := range []string{"md5", "sha1", "scrypt"} {
				go func() {
					status := 0
					defer func() { statuses <- status }()
					status, _, _ = s.signIn(login, vectorPassword)
				}()
			}
		}
		for range 3 * each {
			if status := <-statuses; status != http.StatusOK {
				t.Errorf("a sign-in with the right password = %d, want 200", status)
			}
		}
	})
}

func TestDjangosChangesAreSeen(t *testing.T) {
	sites(t, func(t *testing.T, p *djangotest.Project) {
		addShared(t, p)
		s := overTable(t, p, "")
		_, access, first := s.signIn("pbkdf2", vectorPassword)
		_, _, second := s.signIn("scrypt", vectorPassword)
		// As Django's password change writes it: the hash of "md5" happens to
		// be one of the same password, and is another hash.
		p.Exec(t, `UPDATE "auth_user" SET "password" = $1 WHERE "username" = 'pbkdf2'`, shared()["md5"])
		p.Exec(t, `UPDATE "auth_user" SET "is_active" = $1 WHERE "username" = 'scrypt'`, false)
		for name, token := range map[string]string{"whose password changed": first, "who was deactivated": second} {
			if got := s.refresh(token); got != http.StatusBadRequest {
				t.Errorf("refresh of one %s = %d, want 400", name, got)
			}
		}
		if status, _, _ := s.signIn("scrypt", vectorPassword); status != http.StatusBadRequest {
			t.Errorf("sign-in of one who was deactivated = %d, want 400", status)
		}
		// The refresh has ended the session: the access token ends with it.
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/auth/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+access)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("GET /me after the refusal = %d, want 401", answer.StatusCode)
		}
		p.Exec(t, `DELETE FROM "auth_user" WHERE "username" = 'md5'`)
		if status, _, _ := s.signIn("md5", vectorPassword); status != http.StatusBadRequest {
			t.Errorf("sign-in of one who is gone = %d, want 400", status)
		}
	})
}

func TestCommandsOverDjangosTable(t *testing.T) {
	p := djangotest.SQLite(t)
	addShared(t, p)
	s := overTable(t, p, "")
	if code, out := s.command("", "user", "list", "--json"); code != 0 || strings.Count(out, `"login"`) != len(shared()) {
		t.Errorf("user list = %d %s", code, out)
	}
	if code, out := s.command("", "user", "show", "Scrypt@example.com"); code != 0 || !strings.Contains(out, "Jane") {
		t.Errorf("user show = %d %s", code, out)
	}
	for _, args := range [][]string{
		{"user", "add", "new", "--password-stdin"},
		{"user", "set", "md5", "--staff"},
		{"user", "passwd", "md5", "--password-stdin"},
		{"user", "disable", "md5"},
		{"user", "enable", "md5"},
		{"user", "delete", "md5"},
	} {
		code, out := s.command("a long password\n", args...)
		if code != exitFailed || !strings.Contains(out, "Django's table auth_user") || strings.Count(out, "\n") != 1 {
			t.Errorf("%v = %d %q, want 1 and one line that says where the users are", args, code, out)
		}
	}
	_, _, refresh := s.signIn("md5", vectorPassword)
	if code, out := s.command("", "session", "end", "--user", "md5"); code != 0 || !strings.Contains(out, "ended 1 session") {
		t.Errorf("session end = %d %s", code, out)
	}
	if got := s.refresh(refresh); got != http.StatusBadRequest {
		t.Errorf("refresh after it = %d, want 400", got)
	}
	if code, out := s.command("", "token", "issue", "--sub", "car:42"); code != 0 {
		t.Errorf("token issue = %d %s", code, out)
	}
	if code, out := s.command("", "doctor"); code != exitFailed || !strings.Contains(out, "users.dsn") {
		t.Errorf("doctor = %d %s, want it to name the mode of the users' file", code, out)
	}
}
