package fiberauth_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/adapter/adaptertest"
	fiberauth "github.com/watchword-auth/watchword/adapter/fiber"
	"github.com/watchword-auth/watchword/httpauth"
)

func TestContract(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T, w adaptertest.Wiring) string {
		answer := func(c fiber.Ctx) error {
			own, _ := fiberauth.Claims(c)
			return c.SendString(w.Answer(own, c.Context()))
		}
		app := fiber.New()
		app.All("/auth/v1/*", fiberauth.Handler(w.Native))
		app.All("/open", answer)
		app.All("/posts", fiberauth.Require(w.Guard, w.Policy), answer)
		app.All("/optional", fiberauth.Optional(w.Guard), answer)
		app.All("/checked", func(c fiber.Ctx) error {
			_, err := fiberauth.Check(w.Guard, c, w.Policy)
			return c.SendString(adaptertest.Decision(err))
		})
		return serve(t, app)
	})
}

// serve starts the application on loopback.
func serve(t *testing.T, app *fiber.App) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// A guard of a group stands before all its routes, whatever comes between.
func TestGroup(t *testing.T) {
	app := fiber.New()
	group := app.Group("/api", fiberauth.Require(new(httpauth.Guard)))
	group.Get("/posts", func(fiber.Ctx) error {
		t.Error("the handler ran after the refusal")
		return nil
	})
	res, err := app.Test(httptest.NewRequest(http.MethodGet, "/api/posts", nil))
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", res.StatusCode)
	}
}

// Tokens and claims outlive the request they came with, fasthttp's buffers do
// not.
func TestNothingIsBorrowed(t *testing.T) {
	seen := make(chan *http.Request, 3)
	guard := &httpauth.Guard{Deny: func(w http.ResponseWriter, r *http.Request, _ httpauth.Problem) {
		seen <- r
		w.WriteHeader(http.StatusUnauthorized)
	}}
	app := fiber.New()
	app.Use(fiberauth.Require(guard))
	url := serve(t, app)
	host := strings.TrimPrefix(url, "http://")
	var want []string
	for _, letter := range []string{"a", "b", "c"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/"+letter, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.Repeat(letter, 20))
		req.Header.Set("Cookie", "c="+letter)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		want = append(want, "GET /"+letter+" /"+letter+" "+host+" Bearer "+strings.Repeat(letter, 20)+" c="+letter)
	}
	for _, want := range want {
		r := <-seen
		got := strings.Join([]string{r.Method, r.URL.Path, r.RequestURI, r.Host, r.Header.Get("Authorization"), r.Header.Get("Cookie")}, " ")
		if got != want {
			t.Errorf("the request was %q, want %q", got, want)
		}
	}
}

// What middleware before the guard did to the request is what counts.
func TestMiddlewareBefore(t *testing.T) {
	app := fiber.New()
	app.Use(func(c fiber.Ctx) error {
		c.Request().Header.Del("Authorization")
		return c.Next()
	})
	app.Get("/", fiberauth.Optional(new(httpauth.Guard)), func(c fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) })
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Authorization", "Bearer x")
	res, err := app.Test(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("status %d, want 204", res.StatusCode)
	}
}

// What cannot be translated is refused, also where no token is needed.
func TestNoTranslation(t *testing.T) {
	tests := map[string]func(fiber.Ctx){
		"a target that is no URI":         func(c fiber.Ctx) { c.Request().Header.SetRequestURI("/%zz") },
		"a target without a slash":        func(c fiber.Ctx) { c.Request().Header.SetRequestURI("posts") },
		"a protocol that is not HTTP/1.x": func(c fiber.Ctx) { c.Request().Header.SetProtocol("HTTP/2.0") },
		"a protocol that is none":         func(c fiber.Ctx) { c.Request().Header.SetProtocol("GOPHER") },
		"a control character":             func(c fiber.Ctx) { c.Request().Header.Set("Authorization", "Bearer a\x00b") },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			app := fiber.New()
			app.Use(func(c fiber.Ctx) error {
				spoil(c)
				if _, err := fiberauth.Check(new(httpauth.Guard), c); watchword.CodeOf(err) != watchword.InvalidRequest {
					t.Errorf("Check = %v, want %v", err, watchword.InvalidRequest)
				}
				return c.Next()
			})
			app.Get("/", fiberauth.Optional(new(httpauth.Guard)), func(fiber.Ctx) error {
				t.Error("the handler ran")
				return nil
			})
			res, err := app.Test(httptest.NewRequest(http.MethodGet, "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d, want 400", res.StatusCode)
			}
		})
	}
}

// The handler strategy: everybody comes in, with a name or without.
func TestMiddleware(t *testing.T) {
	who := new(httpauth.Guard).With(key{})
	app := fiber.New()
	app.Use(fiberauth.Middleware(who.Identify))
	app.Get("/", func(c fiber.Ctx) error {
		if i, _ := httpauth.IdentityFrom(c.Context()); !i.Authenticated() {
			return fiber.ErrTeapot
		}
		return c.SendStatus(http.StatusNoContent)
	})
	for shown, want := range map[string]int{"": http.StatusTeapot, "a key": http.StatusNoContent} {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("X-Key", shown)
		res, err := app.Test(req)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != want {
			t.Errorf("key %q: status %d, want %d", shown, res.StatusCode, want)
		}
	}
}

// key is a scheme that knows whoever shows one.
type key struct{}

func (key) Authenticate(r *http.Request) (httpauth.Identity, bool, error) {
	if r.Header.Get("X-Key") == "" {
		return httpauth.Identity{}, false, nil
	}
	return httpauth.Identity{Scheme: "Key", Claims: httpauth.UserClaims(watchword.User{ID: "7"})}, true, nil
}

func (key) Challenge(*http.Request, error) string { return "Key" }
