package adminapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

var sampleTime = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

// action is a request, and who may make it.
type action struct {
	name, method, path, body string
	permission               manage.Permission
	// may has a letter for each of actors: y may, n may not, - is asked for a
	// token.
	may string
	// kind is what the audit log says where it was done; 0: it only looks.
	kind watchword.EventKind
	// about is the id of whom the entry is about.
	about string
}

// Who may what goes by these.
const (
	byPermission = "-nnynynyy" // staff with the permission, and the scope admin
	bySuperuser  = "-nnnnnnny"
)

// actors are who tries, in the order of action.may.
func actors(s *site) []struct{ name, audit, token string } {
	return []struct{ name, audit, token string }{
		{"nobody", "", ""},
		{"a user", "user:" + eve, s.signIn("eve").Access},
		{"staff without permission", "user:" + idle, s.signIn("idle").Access},
		{"staff with permission", "user:" + sam, s.signIn("sam").Access},
		{"a superuser's token for one scope", "user:" + root, s.signIn("root", "posts:write").Access},
		{"a user's token with the scope admin", "user:" + aida, s.signIn("aida").Access},
		{"a client", "client:client_shop", s.machine("shop")},
		{"a client with the scope admin", "client:client_robot", s.machine("robot")},
		{"a superuser", "user:" + root, s.signIn("root").Access},
	}
}

func actions(s *site) []action {
	get, post, patch, del := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	toms, tesses := s.signIn("tom").Session.Number, s.signIn("tess").Session.Number
	key := ""
	records, err := s.auth.Keys(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range records {
		if r.State == "next" {
			key = r.ID
		}
	}
	changed, password, revoked, keys := watchword.UserChanged, watchword.PasswordChanged, watchword.Revoked, watchword.KeyChanged
	return []action{
		{"list users", get, "users?q=t", "", manage.ViewUsers, byPermission, 0, ""},
		{"show a user", get, "users/6", "", manage.ViewUsers, byPermission, 0, ""},
		{"show a superuser", get, "users/8", "", manage.ViewUsers, byPermission, 0, ""},
		{"add a user", post, "users", `{"login":"new","password":"a good password"}`, manage.AddUsers, byPermission, changed, "10"},
		{"add staff", post, "users", `{"login":"new","staff":true}`, manage.AddUsers, bySuperuser, changed, "10"},
		{"add a superuser", post, "users", `{"login":"new","superuser":true}`, manage.AddUsers, bySuperuser, changed, "10"},
		{"add a holder of admin", post, "users", `{"login":"new","scopes":["admin"]}`, manage.AddUsers, bySuperuser, changed, "10"},
		{"change a user", patch, "users/6", `{"first_name":"Tom"}`, manage.ChangeUsers, byPermission, changed, tom},
		{"change staff", patch, "users/7", `{"first_name":"Tess"}`, manage.ChangeUsers, bySuperuser, changed, tess},
		{"change a superuser", patch, "users/8", `{"first_name":"Tina"}`, manage.ChangeUsers, bySuperuser, changed, tina},
		{"change a holder of admin", patch, "users/9", `{"first_name":"Tim"}`, manage.ChangeUsers, bySuperuser, changed, tim},
		{"make staff", patch, "users/6", `{"staff":true}`, manage.ChangeUsers, bySuperuser, changed, tom},
		{"make a superuser", patch, "users/6", `{"superuser":true}`, manage.ChangeUsers, bySuperuser, changed, tom},
		{"grant admin", patch, "users/6", `{"scopes":["posts:read","admin"]}`, manage.ChangeUsers, bySuperuser, changed, tom},
		{"grant an own scope", patch, "users/6", `{"scopes":["posts:read"]}`, manage.ChangeUsers, byPermission, changed, tom},
		{"grant another's scope", patch, "users/6", `{"scopes":["posts:write"]}`, manage.ChangeUsers, bySuperuser, changed, tom},
		{"grant another's permission", patch, "users/6", `{"permissions":["shop.refund"]}`, manage.ChangeUsers, bySuperuser, changed, tom},
		{"grant another's group", patch, "users/6", `{"groups":["root"]}`, manage.ChangeUsers, bySuperuser, changed, tom},
		{"grant an own group", patch, "users/6", `{"groups":["editors"]}`, manage.ChangeUsers, "-nnynnnny", changed, tom},
		{"take away", patch, "users/6", `{"scopes":[]}`, manage.ChangeUsers, byPermission, changed, tom},
		{"disable", patch, "users/6", `{"active":false}`, manage.ChangeUsers, byPermission, changed, tom},
		{"disable staff", patch, "users/7", `{"active":false}`, manage.ChangeUsers, bySuperuser, changed, tess},
		{"set a password", post, "users/6/password", `{"password":"a good password"}`, manage.ChangeUsers, byPermission, password, tom},
		{"set the password of staff", post, "users/7/password", `{"password":"a good password"}`, manage.ChangeUsers, bySuperuser, password, tess},
		{"set the password of a superuser", post, "users/8/password", `{"password":"a good password"}`, manage.ChangeUsers, bySuperuser, password, tina},
		{"set the password of a holder of admin", post, "users/9/password", `{"password":"a good password"}`, manage.ChangeUsers, bySuperuser, password, tim},
		{"delete", del, "users/6", "", manage.DeleteUsers, byPermission, changed, tom},
		{"delete staff", del, "users/7", "", manage.DeleteUsers, bySuperuser, changed, tess},
		{"delete a superuser", del, "users/8", "", manage.DeleteUsers, bySuperuser, changed, tina},
		{"list sessions", get, "sessions", "", manage.ViewSessions, byPermission, 0, ""},
		{"end a session", del, "sessions/" + s.auth.SessionID(toms), "", manage.EndSessions, byPermission, revoked, tom},
		{"end a session of staff", del, "sessions/" + s.auth.SessionID(tesses), "", manage.EndSessions, bySuperuser, revoked, tess},
		{"end a user's sessions", post, "sessions/end", `{"user":"6"}`, manage.EndSessions, byPermission, revoked, tom},
		{"end the sessions of a superuser", post, "sessions/end", `{"user":"8"}`, manage.EndSessions, bySuperuser, revoked, tina},
		{"end everybody's sessions", post, "sessions/end", `{"all":true}`, manage.EndSessions, bySuperuser, revoked, ""},
		{"list keys", get, "keys", "", manage.ViewKeys, byPermission, 0, ""},
		{"rotate keys", post, "keys/rotate", `{}`, manage.ChangeKeys, byPermission, keys, ""},
		{"retire a key", post, "keys/retire", `{"kid":"` + key + `"}`, manage.ChangeKeys, byPermission, keys, ""},
		{"list clients", get, "clients", "", manage.ViewClients, byPermission, 0, ""},
		{"add a client", post, "clients", `{"name":"new","scopes":["posts:read"]}`, manage.ChangeClients, byPermission, changed, "?"},
		{"add a client with admin", post, "clients", `{"name":"new","scopes":["admin"]}`, manage.ChangeClients, bySuperuser, changed, "?"},
		{"add a client with more", post, "clients", `{"name":"new","scopes":["posts:write"]}`, manage.ChangeClients, bySuperuser, changed, "?"},
		{"renew a client's secret", post, "clients/client_victim/secret", "", manage.ChangeClients, byPermission, changed, "client_victim"},
		{"renew the secret of one with admin", post, "clients/client_daemon/secret", "", manage.ChangeClients, bySuperuser, changed, "client_daemon"},
		{"delete a client", del, "clients/client_victim", "", manage.ChangeClients, byPermission, changed, "client_victim"},
		{"read the audit log", get, "audit", "", manage.ViewAudit, byPermission, 0, ""},
		{"show settings", get, "settings", "", manage.ViewSettings, byPermission, 0, ""},
		{"list dialects", get, "dialects", "", manage.ViewSettings, byPermission, 0, ""},
		{"explain a token", post, "explain", `{"token":"x"}`, manage.ExplainTokens, byPermission, 0, ""},
	}
}

// TestWhoMayWhat tries every action as everybody, each on a site of its own.
func TestWhoMayWhat(t *testing.T) {
	for i, act := range actions(newSite(t)) {
		for j, who := range actors(newSite(t)) {
			t.Run(act.name+" as "+who.name, func(t *testing.T) {
				s := newSite(t)
				act, who := actions(s)[i], actors(s)[j] // those of this site
				got := s.ask(who.token, act.method, act.path, act.body)
				switch act.may[j] {
				case '-':
					got.is(t, http.StatusUnauthorized, "unauthenticated")
				case 'n':
					got.is(t, http.StatusForbidden, "permission_denied")
					denied := s.told(watchword.Denied)
					if len(denied) != 1 || denied[0].Actor != who.audit || denied[0].Code != watchword.PermissionDenied {
						t.Errorf("the log says %+v of the refusal", denied)
					}
				default:
					if got.status >= 300 {
						t.Fatalf("the answer is %d %s", got.status, got.body)
					}
					wantEntry(t, s, act, who.audit)
				}
			})
		}
	}
}

// wantEntry demands that the log says who did it, and to whom.
func wantEntry(t *testing.T, s *site, act action, actor string) {
	t.Helper()
	var found []watchword.Event
	for _, kind := range []watchword.EventKind{
		watchword.UserChanged, watchword.PasswordChanged, watchword.Revoked, watchword.KeyChanged, watchword.Denied,
	} {
		found = append(found, s.told(kind)...)
	}
	if act.kind == 0 {
		if len(found) > 0 {
			t.Errorf("the log says %+v of a look", found)
		}
		return
	}
	if len(found) != 1 || found[0].Kind != act.kind || found[0].Actor != actor || found[0].UserID != act.about && act.about != "?" {
		t.Errorf("the log says %+v, want one entry of kind %s by %s about %q", found, act.kind, actor, act.about)
	}
	if strings.Contains(found[0].Detail, "a good password") {
		t.Errorf("the log says %q", found[0].Detail)
	}
}

// TestEachPermissionCounts: what staff may do hangs on the one permission of
// the action, by its own name or by Django's.
func TestEachPermissionCounts(t *testing.T) {
	django := map[manage.Permission]string{
		manage.ViewUsers: "auth.view_user", manage.AddUsers: "auth.add_user",
		manage.ChangeUsers: "auth.change_user", manage.DeleteUsers: "auth.delete_user",
	}
	for i, act := range actions(newSite(t)) {
		if act.may != byPermission {
			continue
		}
		t.Run(act.name, func(t *testing.T) {
			var others []string
			for _, p := range manage.Permissions() {
				if p != act.permission {
					others = append(others, string(p), strings.ToUpper(string(act.permission)), string(act.permission)+" ", "auth.user")
				}
			}
			try := func(permissions ...string) answer {
				s := newSite(t, permissions...)
				act := actions(s)[i]
				return s.ask(s.signIn("sam").Access, act.method, act.path, act.body)
			}
			try(others...).is(t, http.StatusForbidden, "permission_denied")
			for _, p := range []string{string(act.permission), django[act.permission]} {
				if p == "" {
					continue
				}
				if got := try(p); got.status >= 300 {
					t.Errorf("with %s the answer is %d %s", p, got.status, got.body)
				}
			}
		})
	}
}

// TestEveryRouteIsGuarded looks at all routes there are: a route that the
// table above forgets is noticed here.
func TestEveryRouteIsGuarded(t *testing.T) {
	s := newSite(t)
	tried := make(map[string]bool)
	for _, act := range actions(s) {
		path, _, _ := strings.Cut(act.path, "?")
		tried[act.method+" "+path] = true
	}
	known := func(method, path string) bool {
		want := strings.Split(path, "/")
		for one := range tried {
			m, p, _ := strings.Cut(one, " ")
			got := strings.Split(p, "/")
			if m != method || len(got) != len(want) {
				continue
			}
			same := true
			for i := range want {
				same = same && (got[i] == want[i] || strings.HasPrefix(want[i], "{"))
			}
			if same {
				return true
			}
		}
		return false
	}
	for _, pattern := range s.profile.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.TrimPrefix(path, "/auth/v1/admin/")
		if !known(method, path) {
			t.Errorf("nobody has tried who may %s", pattern)
		}
		for name, headers := range map[string][]string{
			"no token":        nil,
			"no token at all": {"Authorization", "Bearer "},
			"a wrong one":     {"Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."},
			"a password":      {"Authorization", "Basic cm9vdDpjb3JyZWN0IGhvcnNlIGJhdHRlcnk="},
			"a refresh token": {"Authorization", "Bearer " + s.signIn("root").Refresh},
		} {
			if got := s.ask("", method, strings.NewReplacer("{id}", "6").Replace(path), "{}", headers...); got.status != http.StatusUnauthorized {
				t.Errorf("%s with %s = %d %s", pattern, name, got.status, got.body)
			}
		}
	}
}
