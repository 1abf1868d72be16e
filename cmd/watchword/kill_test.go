package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

const (
	killUsers  = 8
	killRounds = 8
	killGrace  = 3 * time.Second
)

// TestKill kills the server again and again in a storm of refreshes and
// sign-outs, and keeps a ledger of everything that was answered: no rotation
// and no sign-out that was acknowledged may be lost, and no refresh token may
// ever have two successors.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a server for some 15 seconds")
	}
	k := newKilled(t)
	k.start()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var storm sync.WaitGroup
	ledgers := make([]*ledger, killUsers)
	for i := range ledgers {
		ledgers[i] = &ledger{k: k, t: t, successors: make(map[string]string)}
		storm.Go(func() { ledgers[i].storm(ctx) })
	}
	for range killRounds {
		time.Sleep(700*time.Millisecond + time.Duration(rand.IntN(500))*time.Millisecond) // let the storm blow; nothing hangs on how long
		k.kill()
		k.start()
	}
	cancel()
	storm.Wait()
	time.Sleep(killGrace + 500*time.Millisecond) // the grace window is the server's clock, which this test has no hand on
	rotations, ends, repeats := 0, 0, 0
	for _, l := range ledgers {
		l.settle()
		rotations += len(l.successors)
		ends += len(l.ended)
		repeats += l.repeats
	}
	if rotations == 0 || ends == 0 || repeats == 0 {
		t.Errorf("%d rotations, %d sign-outs and %d repeats were acknowledged: there was no storm", rotations, ends, repeats)
	}
	k.kill()
	k.integrity()
	t.Logf("%d kills, %d rotations, %d sign-outs and %d repeats acknowledged, slowest start %s", killRounds, rotations, ends, repeats, k.slowest)
}

// killed is a server that is killed and started again on one database.
type killed struct {
	t        *testing.T
	dir      string
	addr     string
	url      string
	password string
	cmd      *exec.Cmd
	slowest  time.Duration
	client   *http.Client
}

func newKilled(t *testing.T) *killed {
	k := &killed{t: t, dir: t.TempDir(), addr: "127.0.0.1:0", password: "correct horse battery"}
	k.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: killUsers}}
	t.Cleanup(func() {
		if k.cmd != nil {
			k.kill()
		}
	})
	return k
}

func (k *killed) start() {
	k.t.Helper()
	program, err := exec.LookPath("watchword")
	if err != nil {
		k.t.Fatal(err)
	}
	begun := time.Now()
	c := exec.Command(program, "serve", "--addr", k.addr, "--log-level", "error")
	c.Dir = k.dir
	c.Env = append(os.Environ(), "WATCHWORD_LIMITS_ENABLED=false", "WATCHWORD_ADMIN_PASSWORD="+k.password, cheapName+"="+cheapHash, raceName+"="+raceAtOnce,
		fmt.Sprintf("WATCHWORD_LIFETIMES_GRACE=%s", killGrace))
	pipe, err := c.StderrPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.cmd = c
	lines := bufio.NewScanner(pipe)
	var seen strings.Builder
	for lines.Scan() {
		fmt.Fprintln(&seen, lines.Text())
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			if k.url == "" { // afterwards the storm reads it
				k.url, k.addr = url, strings.TrimPrefix(url, "http://")
			}
			go func() { _, _ = io.Copy(io.Discard, pipe) }()
			k.slowest = max(k.slowest, time.Since(begun))
			return
		}
	}
	k.t.Fatalf("the server does not start again:\n%s", seen.String())
}

func (k *killed) kill() {
	_ = k.cmd.Process.Kill() // it is there: nobody else ends it
	_ = k.cmd.Wait()         // "killed", as it should be
	k.cmd = nil
}

func (k *killed) integrity() {
	k.t.Helper()
	db, err := open.Store(context.Background(), "sqlite:"+filepath.Join(k.dir, "watchword.db"))
	if err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = db.Close(context.Background()) }()
	if err := db.Integrity(context.Background()); err != nil {
		k.t.Error(err)
	}
}

// post asks once; status 0: nobody answered, and nobody knows what was done.
func (k *killed) post(path string, body any) (status int, answer map[string]any) {
	text, err := json.Marshal(body)
	if err != nil {
		k.t.Error(err)
		return 0, nil
	}
	r, err := k.client.Post(k.url+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return 0, nil
	}
	defer r.Body.Close()
	if json.NewDecoder(r.Body).Decode(&answer) != nil {
		return 0, nil // cut off in the middle
	}
	return r.StatusCode, answer
}

// ledger is what one user was told.
type ledger struct {
	k          *killed
	t          *testing.T
	current    string            // the refresh token that must count
	access     string            // the access token beside it
	shown      string            // one that was shown and not answered
	since      time.Time         // when it was first shown, or the last one that was answered
	repeats    int               // tokens that were shown again, and answered
	successors map[string]string // of every token that was exchanged
	line       []string          // the tokens of the current session, oldest first
	ended      []endedSession    // those that were signed out
}

// endedSession is the last tokens of a session.
type endedSession struct{ refresh, access string }

func (l *ledger) storm(ctx context.Context) {
	for ctx.Err() == nil {
		switch {
		case l.current == "":
			l.signIn()
		case l.shown == "" && rand.IntN(20) == 0:
			l.signOut()
		case l.shown == "" && rand.IntN(5) == 0:
			l.again()
		default:
			l.refresh()
		}
	}
}

func (l *ledger) signIn() {
	status, answer := l.k.post("/auth/v1/token", map[string]string{"login": "admin", "password": l.k.password})
	if status == http.StatusOK {
		l.current, _ = answer["refresh_token"].(string)
		l.access, _ = answer["access_token"].(string)
		l.line = []string{l.current}
	}
}

// refresh shows the current token, once more where nobody answered.
func (l *ledger) refresh() {
	if l.shown == "" {
		l.shown, l.since = l.current, time.Now()
	}
	status, answer := l.k.post("/auth/v1/refresh", map[string]string{"refresh_token": l.current})
	switch {
	case status == http.StatusOK:
		next, _ := answer["refresh_token"].(string)
		l.follows(l.current, next)
		l.current, l.shown = next, ""
		l.access, _ = answer["access_token"].(string)
		l.line = append(l.line, next)
	case status == 0 || status >= http.StatusInternalServerError:
		// Killed meanwhile, or not ready: asked again.
	case answer["code"] == "token_reused" && time.Since(l.since) > killGrace:
		l.current, l.shown = "", "" // the answer was lost, and asking again came too late
	default:
		l.t.Errorf("a refresh token that was acknowledged is answered %d %v", status, answer)
		l.current, l.shown = "", ""
	}
}

// again shows the token that was exchanged last: while the grace window is
// open it has the successor that was acknowledged, and never another, also
// where the server was killed in between.
func (l *ledger) again() {
	if len(l.line) < 2 {
		return
	}
	status, answer := l.k.post("/auth/v1/refresh", map[string]string{"refresh_token": l.line[len(l.line)-2]})
	late := time.Since(l.since) > killGrace
	switch {
	case status == http.StatusOK:
		next, _ := answer["refresh_token"].(string)
		l.follows(l.line[len(l.line)-2], next)
		l.repeats++
	case status == 0 || status >= http.StatusInternalServerError:
		if late { // it may have ended the session, and nobody has heard it
			l.current = ""
		}
	case answer["code"] == "token_reused" && late:
		l.current = ""
	case answer["code"] == "session_ended" && late:
		l.current = ""
	default:
		l.t.Errorf("a token that was exchanged %s ago is answered %d %v", time.Since(l.since), status, answer)
		l.current = ""
	}
}

func (l *ledger) follows(token, next string) {
	if was, ok := l.successors[token]; ok && was != next {
		l.t.Errorf("a refresh token was exchanged twice")
	}
	l.successors[token] = next
}

// signOut asks until it is answered.
func (l *ledger) signOut() {
	for {
		status, answer := l.k.post("/auth/v1/logout", map[string]string{"refresh_token": l.current})
		if status == http.StatusOK {
			break
		}
		if status != 0 && status < http.StatusInternalServerError {
			l.t.Errorf("logout is answered %d %v", status, answer)
			break
		}
	}
	l.ended = append(l.ended, endedSession{l.current, l.access})
	l.current = ""
}

// settle looks at everything once more, after the grace window.
func (l *ledger) settle() {
	for _, s := range l.ended {
		if status, answer := l.k.post("/auth/v1/refresh", map[string]string{"refresh_token": s.refresh}); status != http.StatusBadRequest {
			l.t.Errorf("a session that was signed out answers %d %v", status, answer)
		}
		if status, answer := l.k.post("/auth/v1/verify", map[string]string{"token": s.access}); status != http.StatusUnauthorized || answer["code"] != "session_ended" {
			l.t.Errorf("the access token of a session that was signed out answers %d %v", status, answer)
		}
	}
	if l.current == "" || len(l.line) < 2 {
		return
	}
	if l.shown == "" {
		status, answer := l.k.post("/auth/v1/refresh", map[string]string{"refresh_token": l.current})
		if status != http.StatusOK {
			l.t.Errorf("the last token is answered %d %v", status, answer)
		}
	}
	// The first of the line is refused, and ends the session.
	if status, answer := l.k.post("/auth/v1/refresh", map[string]string{"refresh_token": l.line[0]}); status != http.StatusBadRequest || answer["code"] != "token_reused" {
		l.t.Errorf("an old token is answered %d %v, want token_reused", status, answer)
	}
	if status, answer := l.k.post("/auth/v1/refresh", map[string]string{"refresh_token": l.current}); status != http.StatusBadRequest {
		l.t.Errorf("after an old token was shown the current one is answered %d %v", status, answer)
	}
}
