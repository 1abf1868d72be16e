package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// overHTTP asks a running server about the logins named.
func overHTTP(ctx context.Context, w io.Writer, o options) error {
	if len(o.known) == 0 {
		return errors.New("-addr needs -known: at least one login that exists there")
	}
	cases := []caseOf{{unknown, func(i int) string { return fmt.Sprintf("nobody-%d", i) }, wrong}}
	for _, login := range o.known {
		cases = append(cases, named("known: "+login, login, wrong))
	}
	for _, login := range o.disabled {
		cases = append(cases, named("disabled: "+login, login, wrong))
	}
	r, err := experiment(ctx, client(o.addr), cases, o.attempts)
	if err != nil {
		return err
	}
	r.write(w, "over HTTP")
	return nil
}

// client asks by the native route, over one connection.
func client(addr string) asked {
	url := "http://" + strings.TrimPrefix(addr, "http://") + "/auth/v1/token"
	return func(ctx context.Context, login, pass string) error {
		body, err := json.Marshal(map[string]string{"login": login, "password": pass})
		if err != nil {
			return err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		var told struct{ Error string }
		if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&told); err != nil {
			return fmt.Errorf("status %d: %w", answer.StatusCode, err)
		}
		if answer.StatusCode != http.StatusBadRequest || told.Error != "invalid_grant" {
			return fmt.Errorf("status %d, error %q, want 400 and invalid_grant", answer.StatusCode, told.Error)
		}
		return nil
	}
}
