package e2e_test

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/e2e/browser"
)

// Walk-through 004, step 30: the page of the example reads who is signed in,
// and no token.
func TestDjwtoPage(t *testing.T) {
	dir := t.TempDir()
	program, err := browser.Build("examples/djwto")
	if err != nil {
		t.Fatalf("build the example: %v", err)
	}
	free, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.Replace(free.Addr().String(), "127.0.0.1", "localhost", 1)
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-addr", addr, "-mode", "TWO-COOKIES")
	c.Dir = dir
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Errorf("the example ended with %v", err)
		}
	})
	for { // until it listens there is nothing to wait on
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			break
		}
	}

	tab := browser.New(t).Tab(t)
	tab.Open("https://" + addr + "/")
	tab.Fill("[name=password]", "pass")
	tab.Click("button")
	tab.Wait(`document.getElementById("payload").textContent !== ""`)
	if got := tab.Text("#payload"); !strings.Contains(got, `"username": "alice"`) {
		t.Errorf("the page reads %s", got)
	}
	if got, want := tab.Text("#cookies"), []string{"csrftoken", "jwt_access_payload"}; !slices.Equal(sorted(got), want) {
		t.Errorf("scripts read the cookies %s, want %q", got, want)
	}
	var kept []string
	for _, cookie := range tab.Cookies("https://" + addr + "/api/token/refresh/") {
		kept = append(kept, cookie.Name)
		if strings.HasPrefix(cookie.Name, "jwt_") && !cookie.Secure {
			t.Errorf("cookie %s is not Secure", cookie.Name)
		}
	}
	if want := []string{"csrftoken", "jwt_access_payload", "jwt_access_token", "jwt_refresh"}; !slices.Equal(slices.Sorted(slices.Values(kept)), want) {
		t.Errorf("the browser keeps %q, want %q", kept, want)
	}
}

func sorted(list string) []string { return slices.Sorted(strings.SplitSeq(list, ", ")) }
