package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
)

type tokenCommands struct {
	Issue   tokenIssueCommand   `cmd:"" help:"Make an access token without anybody signing in."`
	Inspect tokenInspectCommand `cmd:"" help:"Decode any JWT, without verifying it."`
	Explain tokenExplainCommand `cmd:"" help:"Tell each check of a token and what would have made it pass."`
}

// parties are the flags of what must agree with the server's.
type parties struct {
	Issuer   *string `placeholder:"URL" help:"The issuer (default: that of the settings, else the server's last)."`
	Audience *string `placeholder:"NAME" help:"The audience (default likewise)."`
}

func (p parties) flags() map[string]string {
	return given(map[string]*string{"issuer": p.Issuer, "audience": p.Audience})
}

type tokenIssueCommand struct {
	Sub        string         `required:"" placeholder:"SUBJECT" help:"Whom the token is about: any text."`
	Scope      []string       `sep:"none" placeholder:"S" help:"A scope; again for more."`
	Permission []string       `sep:"none" placeholder:"P" help:"A permission; again for more."`
	Lifetime   *time.Duration `placeholder:"DURATION" help:"How long it counts, such as 1h (default: lifetimes.access)."`
	parties
}

func (tokenIssueCommand) Help() string {
	return "The token has a session behind it: it is listed by session list and ended by session end.\n\nExample:\n  watchword token issue --sub car:42 --scope telemetry:write --lifetime 1h"
}

// Run makes the token and prints it.
func (c *tokenIssueCommand) Run(a *app) error {
	if c.Sub == "" {
		return usagef("--sub: a token is about somebody")
	}
	if err := checkText("--sub", c.Sub); err != nil {
		return err
	}
	var lifetime time.Duration // of the settings
	if c.Lifetime != nil {
		if lifetime = *c.Lifetime; lifetime < time.Second {
			return usagef("--lifetime: %s is below a second", lifetime)
		}
	}
	return a.with(false, c.flags(), func(ctx context.Context, s *site) error {
		if s.config.Issuer == "" && s.served.Issuer == "" {
			return failf(watchword.InvalidRequest, "the issuer is not known: start the server once, or name it with --issuer")
		}
		auth, err := s.authority(ctx)
		if err != nil {
			return err
		}
		t, err := auth.Issue(ctx, watchword.IssueRequest{
			Subject: c.Sub, Scopes: c.Scope, Permissions: c.Permission, Lifetime: lifetime,
		})
		if err != nil {
			return fmt.Errorf("issue token: %w", err)
		}
		answer := struct {
			Access    string `json:"access_token"`
			Type      string `json:"token_type"`
			ExpiresIn int64  `json:"expires_in"`
			Scope     string `json:"scope"`
		}{t.Access, "Bearer", int64(t.ExpiresIn / time.Second), strings.Join(c.Scope, " ")}
		return a.show(answer, func() error { return a.printf("%s\n", t.Access) })
	})
}

type tokenInspectCommand struct {
	Token string `arg:"" help:"The token, or - to read it from standard input."`
}

func (tokenInspectCommand) Help() string {
	return "Nothing that it shows is to be believed.\n\nExample:\n  watchword token issue --sub car:42 | watchword token inspect -"
}

// read returns the token of an argument.
func (a *app) token(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	data, err := a.input()
	return string(config.DropNewline(data)), err
}

// Run decodes the token.
func (c *tokenInspectCommand) Run(a *app) error {
	raw, err := a.token(c.Token)
	if err != nil {
		return err
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 && len(parts) != 5 {
		return failf(watchword.TokenMalformed, "this is no JWT: it has %d parts between dots, not three (or five, where it is encrypted)", len(parts))
	}
	header, err := decode("header", parts[0])
	if err != nil {
		return err
	}
	shown := struct {
		Verified bool            `json:"verified"`
		Header   json.RawMessage `json:"header"`
		Claims   json.RawMessage `json:"claims"` // null: encrypted
	}{Header: header}
	if len(parts) == 3 {
		if shown.Claims, err = decode("payload", parts[1]); err != nil {
			return err
		}
	}
	return a.show(shown, func() error { return a.printInspected(shown.Header, shown.Claims) })
}

// decode reads a part leniently: whoever inspects a token wants to see it.
func decode(name, part string) (json.RawMessage, error) {
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return nil, failf(watchword.TokenMalformed, "this is no JWT: its %s is not base64url", name)
	}
	if !json.Valid(data) {
		return nil, failf(watchword.TokenMalformed, "this is no JWT: its %s is not JSON", name)
	}
	return data, nil
}

func (a *app) printInspected(header, claims json.RawMessage) error {
	if err := a.printf("not verified\n\nheader\n%s\n", indented(header)); err != nil {
		return err
	}
	if claims == nil {
		return a.printf("\nThe claims are encrypted.\n")
	}
	if err := a.printf("\nclaims\n%s\n", indented(claims)); err != nil {
		return err
	}
	var dates map[string]any
	if json.Unmarshal(claims, &dates) != nil {
		return nil // no object: it has no dates
	}
	for _, name := range []string{"iat", "nbf", "exp"} {
		if n, ok := dates[name].(float64); ok && n > -1e11 && n < 1e12 {
			at := time.Unix(int64(n), 0)
			if err := a.printf("\n%s is %s, %s", name, stamp(at), fromNow(at, time.Now())); err != nil {
				return err
			}
		}
	}
	return a.printf("\n")
}

func indented(text json.RawMessage) string {
	var v any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return printable(string(text))
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("  ", "  ")
	if e.Encode(v) != nil {
		return printable(string(text))
	}
	return "  " + strings.TrimSpace(b.String())
}

func fromNow(at, now time.Time) string {
	if d := at.Sub(now).Round(time.Second); d >= 0 {
		return "in " + d.String()
	}
	return now.Sub(at).Round(time.Second).String() + " ago"
}

type tokenExplainCommand struct {
	Token string `arg:"" help:"An access token, or - to read it from standard input."`
	parties
}

func (tokenExplainCommand) Help() string {
	return "The exit code is 1 where the token would be refused.\n\nExample:\n  watchword token explain eyJhbGciOi…"
}

// explained is a check as it is told.
type explained struct {
	Check  string `json:"check"`
	Input  string `json:"input"`
	Passed bool   `json:"passed"`
	Code   string `json:"code,omitempty"`
	Fix    string `json:"fix,omitempty"`
}

// Run tells the checks in their order, up to the first that fails.
func (c *tokenExplainCommand) Run(a *app) error {
	raw, err := a.token(c.Token)
	if err != nil {
		return err
	}
	return a.with(false, c.flags(), func(ctx context.Context, s *site) error {
		auth, err := s.authority(ctx)
		if err != nil {
			return err
		}
		checks, claims := auth.Explain(ctx, raw)
		var told []explained
		for _, check := range checks {
			e := explained{Check: check.Name, Input: check.Input, Passed: check.Passed, Fix: check.Fix}
			if !check.Passed {
				e.Code = check.Code.Error()
			}
			told = append(told, e)
		}
		answer := struct {
			Accepted bool        `json:"accepted"`
			Checks   []explained `json:"checks"`
		}{claims != nil, told}
		if err := a.show(answer, func() error { return a.printExplained(answer.Accepted, told) }); err != nil {
			return err
		}
		if !answer.Accepted {
			return refused(checks)
		}
		return nil
	})
}

// refused sums up checks of which the last has failed.
func refused(checks []watchword.Check) error {
	if len(checks) == 0 {
		return failf(watchword.TokenMalformed, "the token is refused")
	}
	last := checks[len(checks)-1]
	return failf(last.Code, "the token is refused at the check of its %s: needs %s", last.Name, printable(last.Fix))
}

func (a *app) printExplained(accepted bool, told []explained) error {
	for _, e := range told {
		result := "ok"
		if !e.Passed {
			result = e.Code
		}
		if err := a.printf("%-11s %-16s %s\n", e.Check, result, printable(e.Input)); err != nil {
			return err
		}
		if !e.Passed && e.Fix != "" {
			if err := a.printf("%-11s %-16s needs %s\n", "", "", printable(e.Fix)); err != nil {
				return err
			}
		}
	}
	if accepted {
		return a.printf("the token is accepted\n")
	}
	return a.printf("the token is refused\n")
}
