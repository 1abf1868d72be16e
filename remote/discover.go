package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword/jwt"
)

// wellKnown is the path of RFC 8414, section 3.
const wellKnown = "/.well-known/oauth-authorization-server"

// Metadata is what an authority says about itself (RFC 8414, section 2), as
// far as it is used here. What it leaves out is "".
type Metadata struct {
	Issuer                string
	JWKSURI               string
	TokenEndpoint         string
	IntrospectionEndpoint string
	RevocationEndpoint    string
}

// Discover fetches the metadata of an authority from the well-known address
// of its issuer (RFC 8414, section 3), within ctx and at most 10 s. The issuer
// is https, or http on loopback, and must be, byte for byte, the one that the
// metadata names (section 3.3); the addresses in it are held to the same
// rules, and an issuer elsewhere may not point at this machine.
func Discover(ctx context.Context, issuer string) (Metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	return discover(ctx, newClient(nil), issuer)
}

func discover(ctx context.Context, client *http.Client, issuer string) (Metadata, error) {
	return discoverAt(ctx, client, issuer, issuer)
}

// discoverAt asks another address than the issuer's, which is then not part of
// what is checked; the configuration names both.
func discoverAt(ctx context.Context, client *http.Client, at, issuer string) (Metadata, error) {
	address, err := metadataURL(at)
	if err != nil {
		return Metadata{}, fmt.Errorf("issuer %q: %w", at, err)
	}
	body, _, err := get(ctx, client, address, "application/json")
	if err != nil {
		return Metadata{}, err
	}
	m, err := parseMetadata(body, issuer)
	if err != nil {
		return Metadata{}, fmt.Errorf("%s: %w", address, err)
	}
	return m, nil
}

// metadataURL puts the well-known path between the host and the path of the
// issuer (RFC 8414, section 3.1).
func metadataURL(issuer string) (string, error) {
	u, err := parseURL(issuer)
	if err != nil {
		return "", err
	}
	if strings.Contains(issuer, "?") {
		return "", errors.New("must not hold a query") // RFC 8414, section 2
	}
	return u.Scheme + "://" + u.Host + wellKnown + strings.TrimSuffix(u.EscapedPath(), "/"), nil
}

// parseMetadata reads the metadata that the issuer's host has served.
func parseMetadata(body []byte, issuer string) (Metadata, error) {
	var m Metadata
	fields := map[string]*string{
		"issuer":                 &m.Issuer,
		"jwks_uri":               &m.JWKSURI,
		"token_endpoint":         &m.TokenEndpoint,
		"introspection_endpoint": &m.IntrospectionEndpoint,
		"revocation_endpoint":    &m.RevocationEndpoint,
	}
	home, err := parseURL(issuer)
	if err != nil {
		return Metadata{}, err
	}
	err = jwt.Walk(body, func(name string, v jwt.Value) error {
		field := fields[name]
		if field == nil {
			return nil
		}
		if *field, err = v.Text(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if field == &m.Issuer {
			return nil
		}
		u, err := parseURL(*field)
		if err == nil && loopback(u) && !loopback(home) {
			err = errors.New("leads to this machine")
		}
		if err != nil {
			return fmt.Errorf("%s %.256q: %w", name, *field, err)
		}
		return nil
	})
	if err != nil {
		return Metadata{}, err
	}
	// Else another authority could be passed off as this one (RFC 8414,
	// sections 3.3 and 6.2).
	if m.Issuer != issuer {
		return Metadata{}, fmt.Errorf("metadata is of issuer %.256q, want %.256q to the letter", m.Issuer, issuer)
	}
	return m, nil
}
