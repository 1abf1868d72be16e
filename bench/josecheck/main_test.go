package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

// vectors are those of the jwt package, whose README says where they come from.
const vectors = "../../jwt/testdata/vectors/*.json"

type expectation struct {
	ID       string
	Kind     string
	Expect   string
	Disputed json.RawMessage
}

// ask sends each case as a line and returns the answers.
func ask(t *testing.T, cases []json.RawMessage) []answer {
	t.Helper()
	var in, out bytes.Buffer
	for _, c := range cases {
		if err := json.Compact(&in, c); err != nil {
			in.Write(c) // a line that is no JSON is a case, too
		}
		in.WriteByte('\n')
	}
	if err := run(&in, &out); err != nil {
		t.Fatal(err)
	}
	var answers []answer
	for d := json.NewDecoder(&out); d.More(); {
		var a answer
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d lines", len(answers), len(cases))
	}
	return answers
}

func TestVectorsByLine(t *testing.T) {
	names, err := filepath.Glob(vectors)
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors at %s: %v", vectors, err)
	}
	judged := 0
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []json.RawMessage }
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		for i, a := range ask(t, file.Cases) {
			var want expectation
			if err := json.Unmarshal(file.Cases[i], &want); err != nil {
				t.Fatal(err)
			}
			if len(want.Disputed) > 0 {
				continue
			}
			if a.Skip != "" || a.OK != (want.Expect == "valid") {
				t.Errorf("%s: ok %v, skip %q, error %q; want %s", want.ID, a.OK, a.Skip, a.Error, want.Expect)
			}
			judged++
		}
	}
	if judged < 570 {
		t.Errorf("judged %d vectors only", judged)
	}
}

// rfc7515 is the secret of RFC 7515, appendix A.1.
const rfc7515 = `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`

// token signs payload by that secret.
func token(t *testing.T, payload string) string {
	t.Helper()
	k, err := jwt.ParseKey([]byte(rfc7515))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jwt.Sign(k, "JWT", []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestLines(t *testing.T) {
	claims := `{"sub":"a","exp":100}`
	for _, tt := range []struct {
		name, line string
		ok         bool
		claims     string
		error      string
		skip       string
	}{
		{"encrypted", `{"kind":"jwe","token":"a.b.c.d.e"}`, false, "null", "", "encrypted tokens"},
		{"no JSON", `{"kind":`, false, "null", "line: unexpected end", ""},
		{"unknown kind", `{"kind":"jwx"}`, false, "null", "unknown kind", ""},
		{"empty set", `{"kind":"jws","token":"a.b.c","jwks":{"keys":[]}}`, false, "null", "no usable key", ""},
		{"wrong thumbprint", `{"kind":"thumbprint","token":"x","jwk":` + rfc7515 + `}`, false, "null", "another thumbprint", ""},
		{"thumbprint", `{"kind":"thumbprint","jwk":` + rfc7515 + `}`, true, "null", "", ""},
		{"claims", `{"kind":"jwt","now":99,"token":"` + token(t, claims) + `","jwk":` + rfc7515 + `}`, true, claims, "", ""},
		{"claims at exp", `{"kind":"jwt","now":100,"token":"` + token(t, claims) + `","jwk":` + rfc7515 + `}`, false, "null", "expired", ""},
		{"claims today", `{"kind":"jwt","token":"` + token(t, claims) + `","jwk":` + rfc7515 + `}`, false, "null", "expired", ""},
		{"a set that is null", `{"kind":"jws","token":"` + token(t, claims) + `","jwk":` + rfc7515 + `,"jwks":null}`, true, claims, "", ""},
		{"signature alone", `{"kind":"jws","now":100,"token":"` + token(t, claims) + `","jwk":` + rfc7515 + `}`, true, claims, "", ""},
		{"algorithm not allowed", `{"kind":"jws","algs":["HS512"],"token":"` + token(t, claims) + `","jwk":` + rfc7515 + `}`, false, "null", "unknown key", ""},
		{"text where claims are asked for", `{"kind":"jwt","token":"` + token(t, "text") + `","jwk":` + rfc7515 + `}`, false, "null", "", "no JSON object"},
		{"text", `{"kind":"jws","token":"` + token(t, "text") + `","jwk":` + rfc7515 + `}`, true, "null", "", ""},
		{"broken claims", `{"kind":"jwt","token":"` + token(t, claims+"x") + `","jwk":` + rfc7515 + `}`, false, "null", "data after the object", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, []json.RawMessage{json.RawMessage(tt.line)})[0]
			if got.OK != tt.ok || string(got.Claims) != tt.claims ||
				!strings.Contains(got.Error, tt.error) || (got.Error == "") != (tt.error == "") ||
				!strings.Contains(got.Skip, tt.skip) || (got.Skip == "") != (tt.skip == "") {
				t.Errorf("answer %+v, want %+v", got, tt)
			}
		})
	}
}
