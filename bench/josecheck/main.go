// Command josecheck runs test vectors for tokens and keys through the jwt package, one JSON object a line; README.md
// beside it has the protocol.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

type request struct {
	ID    string          `json:"id"`
	Kind  string          `json:"kind"`
	Token string          `json:"token"`
	Algs  []jwt.Algorithm `json:"algs"`
	JWK   json.RawMessage `json:"jwk"`
	JWKS  json.RawMessage `json:"jwks"`
	Now   *int64          `json:"now"`
}

type answer struct {
	OK         bool            `json:"ok"`
	Claims     json.RawMessage `json:"claims"`
	Payload    string          `json:"payload"`
	Thumbprint string          `json:"thumbprint"`
	Error      string          `json:"error"`
	Skip       string          `json:"skip,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "josecheck:", err)
		os.Exit(1)
	}
}

// run answers each line of in before it reads the next.
func run(in io.Reader, out io.Writer) error {
	lines, answers := bufio.NewReader(in), json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := answers.Encode(check(line)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func check(line []byte) answer {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return answer{Error: "line: " + err.Error()}
	}
	switch r.Kind {
	case "jws", "jwt":
		return r.open()
	case "thumbprint":
		return r.thumbprint()
	case "jwe":
		return answer{Skip: "encrypted tokens are not supported"}
	}
	return answer{Error: fmt.Sprintf("unknown kind %q", r.Kind)}
}

func (r request) thumbprint() answer {
	got, err := jwt.Thumbprint(r.JWK)
	if err != nil {
		return answer{Error: err.Error()}
	}
	if r.Token != "" && r.Token != got {
		return answer{Thumbprint: got, Error: "another thumbprint was expected"}
	}
	return answer{OK: true, Thumbprint: got}
}

func (r request) open() answer {
	keys, err := r.keys()
	if err != nil {
		return answer{Error: err.Error()}
	}
	_, payload, err := jwt.Open(context.Background(), r.Token, keys)
	if err != nil {
		return answer{Error: err.Error()}
	}
	a := answer{OK: true, Payload: base64.RawURLEncoding.EncodeToString(payload)}
	strict := jwt.Walk(payload, func(string, jwt.Value) error { return nil })
	if strict == nil {
		a.Claims = payload
	}
	if r.Kind == "jws" {
		return a
	}
	// What begins like an object and is none is refused below: skipping is for other payloads.
	if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
		return answer{Payload: a.Payload, Skip: "the payload is no JSON object"}
	}
	if err := r.checkClaims(payload); err != nil {
		return answer{Error: err.Error()}
	}
	return a
}

func (r request) checkClaims(payload []byte) error {
	claims, err := jwt.ParseRegistered(payload)
	if err != nil {
		return err
	}
	now := time.Now()
	if r.Now != nil {
		now = time.Unix(*r.Now, 0)
	}
	return claims.Check(now, 0)
}

// keys returns the keys of the request. A JWK that names no algorithm gives one key for each that the
// request allows and its type can serve.
func (r request) keys() (jwt.KeySet, error) {
	jwks := []json.RawMessage{r.JWK}
	if r.JWKS != nil && string(r.JWKS) != "null" {
		// What is wrong with the set as a whole is found here.
		if _, err := jwt.ParseKeySet(r.JWKS); err != nil {
			return nil, err
		}
		var set struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if err := json.Unmarshal(r.JWKS, &set); err != nil {
			return nil, err
		}
		jwks = set.Keys
	}
	var keys jwt.KeySet
	var faults []error
	for _, data := range jwks {
		for _, alg := range r.algorithms() {
			k, err := jwt.ParseJWK(data, alg)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.Join(append(faults, errors.New("no usable key"))...)
	}
	return keys, nil
}

// algorithms returns those the request allows: all of ours when it names none.
func (r request) algorithms() []jwt.Algorithm {
	if len(r.Algs) > 0 {
		return r.Algs
	}
	return []jwt.Algorithm{
		jwt.HS256, jwt.HS384, jwt.HS512, jwt.RS256, jwt.RS384, jwt.RS512,
		jwt.PS256, jwt.PS384, jwt.PS512, jwt.ES256, jwt.ES384, jwt.ES512, jwt.EdDSA,
	}
}
