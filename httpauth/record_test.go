package httpauth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// openRecord mounts the native profile with the route that it does not have by
// itself.
func (b *bench) openRecord(t httpauth.Transport) {
	p := httpauth.Native("/auth/v1", t)
	p.Routes = append(p.Routes, httpauth.RecordRoute())
	b.mount(p)
}

func patch(body string, header ...string) call {
	return jsonCall("PATCH", "/auth/v1/me", body, header...)
}

// EZ-74.
func TestChangeRecord(t *testing.T) {
	b := newBench(t)
	b.openRecord(nil)
	access, _ := b.signIn()
	before, err := b.store.UserByID(context.Background(), "1")
	if err != nil {
		t.Fatal(err)
	}
	change := func(body string) answer { return b.do(patch(body, "Authorization", "Bearer "+access)) }
	for _, test := range []struct {
		name, body, want string
	}{
		{"all four", `{"first_name":"Ada","last_name":"King","phone":"+44 20","location":"<script>alert(1)</script>"}`, "Ada King +44 20 <script>alert(1)</script>"},
		{"what is absent stays", `{"phone":"1"}`, "Ada King 1 <script>alert(1)</script>"},
		{"an empty text removes", `{"phone":"","location":""}`, "Ada King  "},
		{"nothing", `{}`, "Ada King  "},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := change(test.body)
			a.is(t, 200, "", "")
			u, err := b.store.UserByID(context.Background(), "1")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join([]string{u.FirstName, u.LastName, u.Phone, u.Location}, " "); got != test.want {
				t.Errorf("the record is %q, want %q", got, test.want)
			}
			if a.text(t, "first_name") != u.FirstName || strings.Contains(a.body, `"phone"`) != (u.Phone != "") {
				t.Errorf("the answer is %s", a.body)
			}
		})
	}
	for name, body := range map[string]string{
		"another member":      `{"first_name":"Eve","is_admin":true}`,
		"standing":            `{"first_name":"Eve","superuser":true}`,
		"staff":               `{"staff":true}`,
		"scopes":              `{"scopes":["admin"]}`,
		"login":               `{"login":"root"}`,
		"address":             `{"email":"root@example.com"}`,
		"password":            `{"password":"quite long 77"}`,
		"another case":        `{"First_Name":"Eve"}`,
		"a member twice":      `{"first_name":"Eve","first_name":"Ann"}`,
		"a number":            `{"first_name":1}`,
		"null":                `{"first_name":null}`,
		"a list":              `[{"first_name":"Eve"}]`,
		"a line break":        `{"first_name":"Eve\nroot"}`,
		"an escape character": `{"first_name":"\u001b[2J"}`,
		"space around it":     `{"first_name":" Eve"}`,
		"too long":            `{"first_name":"` + strings.Repeat("e", 257) + `"}`,
		"no JSON":             `first_name=Eve`,
	} {
		t.Run("refused: "+name, func(t *testing.T) { change(body).is(t, 400, "invalid_request", "invalid_request") })
	}
	after, err := b.store.UserByID(context.Background(), "1")
	if err != nil || after.FirstName != "Ada" || after.Login != before.Login || after.Email != before.Email || after.Staff || after.Superuser ||
		len(after.Scopes) != len(before.Scopes) || after.Version != before.Version {
		t.Errorf("the record is %+v, %v", after, err)
	}
	b.do(patch(`{"first_name":"Eve"}`)).is(t, 401, "unauthenticated", "unauthenticated")
	b.do(call{method: "GET", path: "/auth/v1/me", header: bearer(access)}).is(t, 200, "", "")
}

// Cookies ride along by themselves, so the origin is looked at.
func TestChangeRecordFromElsewhere(t *testing.T) {
	b := newBench(t)
	b.openRecord(httpauth.OneCookie{})
	in := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"`+annPass+`"}`))
	cookie := strings.SplitN(in.header.Get("Set-Cookie"), ";", 2)[0]
	b.do(patch(`{"first_name":"Ada"}`, "Cookie", cookie, "Sec-Fetch-Site", "cross-site")).is(t, 403, "invalid_request", "cross_origin")
	b.do(patch(`{"first_name":"Ada"}`, "Cookie", cookie, "Sec-Fetch-Site", "same-origin")).is(t, 200, "", "")
}

func TestChangeRecordOfTheDisabled(t *testing.T) {
	b := newBench(t)
	b.openRecord(nil)
	access, _ := b.signIn()
	off, now := false, b.clock.Now()
	if _, err := b.store.UpdateUser(context.Background(), "1", watchword.UserChange{Active: &off}, 0, now.Add(time.Hour), now); err != nil {
		t.Fatal(err)
	}
	if got := b.do(patch(`{"first_name":"Ada"}`, "Authorization", "Bearer "+access)); got.status != 401 {
		t.Errorf("a disabled user's change = %d %s, want 401", got.status, got.body)
	}
}
