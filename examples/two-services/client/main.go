// Command client is the client-service of the django-easyjwt document's two,
// in Go: people sign in here with the password that they have at the
// auth-service, which is asked about every token, and whose users are mirrored
// in client.db.
//
//	go run ./examples/two-services/client
//
// The view /api/test/ is the document's. With -permission it is under the
// document's CustomAccessPermission, which reads the data that the auth-service
// adds to a user's record. ../client.toml is the same for `watchword serve`.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	_ "modernc.org/sqlite"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/remote/easyjwt"
	"github.com/watchword-auth/watchword/remote/sqlmirror"
)

// addr is where the document's client-service listens.
const addr = "127.0.0.1:8001"

func main() {
	authority := flag.String("authority", "http://127.0.0.1:8000", "where the auth-service is")
	permission := flag.Bool("permission", false, "demand the document's permission of /api/test/")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *authority, *permission)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, authority string, permission bool) error {
	db, err := sql.Open("sqlite", "client.db?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	users, err := sqlmirror.Open(ctx, db, sqlmirror.SQLite, sqlmirror.Options{})
	if err != nil {
		return err
	}
	client, err := easyjwt.New(easyjwt.Config{
		URL: authority, Paths: easyjwt.Paths{User: "/auth/users/{user_id}/"}, Users: users,
	})
	if err != nil {
		return err
	}
	// Beside tokens, sessions for people who sign in on the page.
	service, err := easyjwt.NewSessions(client, easyjwt.SessionsConfig{})
	if err != nil {
		return err
	}
	// REMOTE_JWT, as far as it is about this service's own answers.
	face, err := dialect.EasyJWTClient(dialect.Options{Settings: map[string]any{"REMOTE_AUTH_SERVICE_URL": authority}})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	if err := httpauth.Mount(mux, service, face.Profile); err != nil {
		return err
	}
	var policies []watchword.Policy
	if permission {
		policies = append(policies, watchword.Because("You do not have permission to this service", remote.Require(service.Copy, mayUse)))
	}
	mux.Handle("GET /api/test/", face.Profile.Guard(service).Require(policies...)(http.HandlerFunc(test)))

	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Printf("listening on http://%s", addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// test is the document's TestView.
func test(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`"success"`))
}

// mayUse is the document's CustomAccessPermission.
func mayUse(_ context.Context, u remote.User) error {
	extra, err := remote.Extra[struct {
		CustomUserField struct {
			Field1 string `json:"field1"`
		} `json:"customuserfield"`
	}](u)
	if err == nil && extra.CustomUserField.Field1 != "field1 value" {
		err = errors.New("field1 has another value")
	}
	return err
}
