package ginauth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/adapter/adaptertest"
	ginauth "github.com/watchword-auth/watchword/adapter/gin"
	"github.com/watchword-auth/watchword/httpauth"
)

func TestContract(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T, w adaptertest.Wiring) string {
		answer := func(c *gin.Context) {
			own, _ := ginauth.Claims(c)
			c.String(http.StatusOK, "%s", w.Answer(own, c.Request.Context()))
		}
		r := router()
		r.Any("/auth/v1/*path", gin.WrapH(w.Native))
		r.Any("/open", answer)
		r.Any("/posts", ginauth.Require(w.Guard, w.Policy), answer)
		r.Any("/optional", ginauth.Optional(w.Guard), answer)
		r.Any("/checked", func(c *gin.Context) {
			_, err := w.Guard.Check(c.Request, w.Policy)
			c.String(http.StatusOK, "%s", adaptertest.Decision(err))
		})
		server := httptest.NewServer(r)
		t.Cleanup(server.Close)
		return server.URL
	})
}

// A guard of a group stands before all its routes, whatever comes between.
func TestGroup(t *testing.T) {
	r := router()
	group := r.Group("/api", ginauth.Require(new(httpauth.Guard)))
	group.Use(func(*gin.Context) { t.Error("middleware ran after the refusal") })
	group.GET("/posts", func(*gin.Context) { t.Error("the handler ran after the refusal") })

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/posts", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401: %s", w.Code, w.Body)
	}
}

// The handler strategy: everybody comes in, with a name or without.
func TestMiddleware(t *testing.T) {
	who := new(httpauth.Guard).With(key{})
	r := router()
	r.Use(ginauth.Middleware(who.Identify))
	r.GET("/", func(c *gin.Context) {
		i, _ := httpauth.IdentityFrom(c.Request.Context())
		c.String(http.StatusOK, "%t", i.Authenticated())
	})
	for shown, want := range map[string]string{"": "false", "a key": "true"} {
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("X-Key", shown)
		r.ServeHTTP(w, req)
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("key %q: %d %s, want 200 %s", shown, w.Code, w.Body, want)
		}
	}
}

func router() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	return gin.New()
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
