package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Each of these goes over a socket as it is, and each must be refused with
// its own status while the server lives on.
func TestBadInput(t *testing.T) {
	s := serve(t, nil)
	huge := strings.Repeat("x", 1<<20)
	post := func(path, contentType, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", path, contentType, len(body), body)
	}
	for _, test := range []struct {
		name    string
		request string
		want    int
	}{
		{"body of a megabyte", post("/auth/v1/token", "application/json", `{"login":"`+huge+`"}`), 413},
		{"header of a megabyte", "GET /auth/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + huge + "\r\n\r\n", 431},
		{"path of a megabyte", "GET /" + huge + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
		{"token of 20 KB", "GET /auth/v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + huge[:20<<10] + "\r\n\r\n", 401},
		{"body announced and never sent", "POST /auth/v1/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n", 413},
		{"body announced, and asked whether to send it", "POST /auth/v1/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n", 413},
		{"body without end", "POST /auth/v1/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+huge[:0x1000]+"\r\n", 17), 413},
		{"unknown media type", post("/auth/v1/token", "application/pdf", "%PDF"), 415},
		{"no media type", post("/auth/v1/token", "", `{"login":"ann","password":"x"}`), 415},
		{"no JSON", post("/auth/v1/token", "application/json", "{"), 400},
		{"JSON of another kind", post("/auth/v1/token", "application/json", "[]"), 400},
		{"a member of another type", post("/auth/v1/token", "application/json", `{"login":1,"password":"x"}`), 400},
		{"a member twice", post("/auth/v1/token", "application/json", `{"login":"ann","login":"bob","password":"x"}`), 400},
		{"invalid UTF-8", post("/auth/v1/token", "application/json", "{\"login\":\"\xff\",\"password\":\"x\"}"), 400},
		{"nothing", post("/auth/v1/token", "application/json", ""), 400},
		{"unknown grant", post("/auth/v1/token", "application/x-www-form-urlencoded", "grant_type=implicit"), 400},
		{"parameter twice", post("/auth/v1/token", "application/x-www-form-urlencoded", "grant_type=password&grant_type=password"), 400},
		{"bad percent encoding", post("/auth/v1/token", "application/x-www-form-urlencoded", "grant_type=%zz"), 400},
		{"wrong method", "PUT /auth/v1/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 405},
		{"a method nobody has", "PROPFIND /auth/v1/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405},
		{"a method in small letters", "get /auth/v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405},
		{"the path of a session, and a method nobody has", "PROPFIND /auth/v1/sessions/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405},
		{"a method nobody has, unknown path", "PROPFIND /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404},
		{"to another host", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nConnection: close\r\n\r\n", 404},
		{"unknown path", "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404},
		{"no token", "GET /auth/v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 401},
		{"two hosts", "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
		{"two lengths", "POST /auth/v1/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
		{"no HTTP", "hello\r\n\r\n", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() { _, _ = io.WriteString(conn, test.request) }() // the server may hang up in the middle
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != test.want {
				body, _ := io.ReadAll(answer.Body)
				t.Errorf("status = %d %s, want %d", answer.StatusCode, body, test.want)
			}
			if test.want == http.StatusRequestEntityTooLarge && !answer.Close {
				t.Errorf("the connection is kept, for a body that nobody wants")
			}
		})
	}
	s.signIn(t)
}
