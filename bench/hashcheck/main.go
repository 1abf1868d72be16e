// Command hashcheck runs password hashes through the password package, one JSON object a line; README.md beside
// it has the protocol.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/watchword-auth/watchword/password"
)

type request struct {
	Hash     string `json:"hash"`
	Password string `json:"password_hex"`
}

type answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "hashcheck:", err)
		os.Exit(1)
	}
}

// run answers each line of in before it reads the next.
func run(in io.Reader, out io.Writer) error {
	// Vectors hold longer passwords than a sign-in should; nobody else competes for slots.
	hasher, err := password.New(password.Config{MaxLength: 64 << 10, Wait: time.Hour})
	if err != nil {
		return err
	}
	lines, answers := bufio.NewReader(in), json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := answers.Encode(check(hasher, line)); err != nil {
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

func check(hasher *password.Hasher, line []byte) answer {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return answer{Error: "request: " + err.Error()}
	}
	pw, err := hex.DecodeString(r.Password)
	if err != nil {
		return answer{Error: "password_hex: " + err.Error()}
	}
	if err := hasher.Verify(context.Background(), string(pw), r.Hash); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{OK: true}
}
