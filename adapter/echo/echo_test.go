package echoauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/adapter/adaptertest"
	echoauth "github.com/watchword-auth/watchword/adapter/echo"
	"github.com/watchword-auth/watchword/httpauth"
)

func TestContract(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T, w adaptertest.Wiring) string {
		answer := func(c *echo.Context) error {
			own, _ := echoauth.Claims(c)
			return c.String(http.StatusOK, w.Answer(own, c.Request().Context()))
		}
		e := echo.New()
		e.Any("/auth/v1/*", echo.WrapHandler(w.Native))
		e.Any("/open", answer)
		e.Any("/posts", answer, echoauth.Require(w.Guard, w.Policy))
		e.Any("/optional", answer, echoauth.Optional(w.Guard))
		e.Any("/checked", func(c *echo.Context) error {
			_, err := w.Guard.Check(c.Request(), w.Policy)
			return c.String(http.StatusOK, adaptertest.Decision(err))
		})
		server := httptest.NewServer(e)
		t.Cleanup(server.Close)
		return server.URL
	})
}

// A guard of a group stands before all its routes, whatever comes between.
func TestGroup(t *testing.T) {
	e := echo.New()
	group := e.Group("/api", echoauth.Require(new(httpauth.Guard)))
	group.Use(func(echo.HandlerFunc) echo.HandlerFunc {
		return func(*echo.Context) error {
			t.Error("middleware ran after the refusal")
			return nil
		}
	})
	group.GET("/posts", func(*echo.Context) error {
		t.Error("the handler ran after the refusal")
		return nil
	})

	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/posts", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401: %s", w.Code, w.Body)
	}
}

// The handler strategy: everybody comes in, with a name or without. What the
// handler returns reaches echo's error handler.
func TestMiddleware(t *testing.T) {
	who := new(httpauth.Guard).With(key{})
	stranger := errors.New("a stranger")
	e := echo.New()
	e.HTTPErrorHandler = func(c *echo.Context, err error) {
		if !errors.Is(err, stranger) {
			t.Errorf("the error handler got %v, want %v", err, stranger)
		}
		_ = c.NoContent(http.StatusTeapot)
	}
	e.Use(echoauth.Middleware(who.Identify))
	e.GET("/", func(c *echo.Context) error {
		if i, _ := httpauth.IdentityFrom(c.Request().Context()); !i.Authenticated() {
			return stranger
		}
		return c.NoContent(http.StatusNoContent)
	})
	for shown, want := range map[string]int{"": http.StatusTeapot, "a key": http.StatusNoContent} {
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("X-Key", shown)
		e.ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("key %q: status %d, want %d", shown, w.Code, want)
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
