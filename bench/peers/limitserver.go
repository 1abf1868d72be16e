package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// limitServer answers token, refresh and me with net/http and the bare
// cryptography of HS256 refresh tokens and ES256 access tokens. What it
// remembers is a number for each session, in memory: nothing is durable.
type limitServer struct {
	pool sync.Pool // of *limitPair
	mu   sync.Mutex
	last map[string]int // by session: the generation that counts
}

// limitPair is what one request needs of the limit.
type limitPair struct{ refresh, access *limit }

// limitSession is the refresh token's payload.
type limitSession struct {
	ID         string `json:"sid"`
	Generation int    `json:"gen"`
}

func newLimitServer(k keys) http.Handler {
	s := &limitServer{last: make(map[string]int)}
	s.pool.New = func() any { return &limitPair{newLimit(k, "HS256"), newLimit(k, "ES256")} }
	mux := http.NewServeMux()
	mux.HandleFunc("POST /auth/v1/token", s.signIn)
	mux.HandleFunc("POST /auth/v1/refresh", s.refresh)
	mux.HandleFunc("GET /auth/v1/me", s.me)
	return mux
}

// runLimitServer serves until the process is ended.
func runLimitServer() error {
	k, err := newKeys()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at the start, and at once
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "listening on http://%s\n", l.Addr())
	return (&http.Server{Handler: newLimitServer(k), ReadHeaderTimeout: time.Minute}).Serve(l)
}

func (s *limitServer) signIn(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	session := limitSession{ID: fmt.Sprintf("session-%d", len(s.last)), Generation: 1}
	s.last[session.ID] = 1
	s.mu.Unlock()
	s.answer(w, session)
}

func (s *limitServer) refresh(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Token string `json:"refresh_token"`
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil || json.Unmarshal(body, &in) != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	p := s.pool.Get().(*limitPair)
	payload, err := p.refresh.open(in.Token)
	s.pool.Put(p)
	var session limitSession
	if err != nil || json.Unmarshal(payload, &session) != nil {
		http.Error(w, "bad token", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	fresh := s.last[session.ID] == session.Generation
	if fresh {
		s.last[session.ID]++
	}
	s.mu.Unlock()
	if !fresh {
		http.Error(w, "reused", http.StatusBadRequest)
		return
	}
	session.Generation++
	s.answer(w, session)
}

func (s *limitServer) answer(w http.ResponseWriter, session limitSession) {
	payload, err := json.Marshal(session)
	p := s.pool.Get().(*limitPair)
	defer s.pool.Put(p)
	var refresh, access string
	if err == nil {
		refresh, err = p.refresh.sign(payload)
	}
	if err == nil {
		access, err = p.access.sign(newClaims(time.Now()).payload())
	}
	if err != nil {
		http.Error(w, "cannot sign", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":%q,"refresh_token":%q,"token_type":"Bearer","expires_in":300}`, access, refresh)
}

func (s *limitServer) me(w http.ResponseWriter, r *http.Request) {
	p := s.pool.Get().(*limitPair)
	defer s.pool.Put(p)
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	payload, err := p.access.open(token)
	var c claims
	if err != nil || json.Unmarshal(payload, &c) != nil {
		http.Error(w, "bad token", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":%q,"login":"admin"}`, c.Subject)
}
