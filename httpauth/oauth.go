package httpauth

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"github.com/watchword-auth/watchword"
)

// The grant types of the token endpoint.
const (
	grantPassword = "password"
	grantRefresh  = "refresh_token"
	grantClient   = "client_credentials"
)

// tokenEndpoint is RFC 6749, section 3.2. A client that shows a secret is
// authenticated whatever the grant; one that shows none is a public client,
// and what it calls itself changes nothing.
func tokenEndpoint(s Service, clients ClientAuthenticator) operate {
	signIn, refresh := signIn(s), refresh(s)
	return func(x *Exchange) (Result, error) {
		grant := x.Text(ParamGrantType)
		if grant == "" && !x.values.form {
			grant = grantPassword
		}
		client, known, err := x.client(clients)
		if err != nil {
			return Result{}, err
		}
		switch grant {
		case grantPassword:
			for _, p := range []Param{ParamLogin, ParamPassword} {
				if !x.Has(p) {
					return Result{}, missing(p)
				}
			}
			return signIn(x)
		case grantRefresh:
			return refresh(x)
		case grantClient:
			if !known {
				return Result{}, fmt.Errorf("%w: none shown", watchword.InvalidClient)
			}
			return clientToken(x, clients, client)
		default:
			return Result{}, fmt.Errorf("%w: %q", watchword.UnsupportedGrantType, grant)
		}
	}
}

func clientToken(x *Exchange, clients ClientAuthenticator, client watchword.ClientRecord) (Result, error) {
	scopes, err := x.scopes()
	if err != nil {
		return Result{}, err
	}
	t, err := clients.ClientToken(x.Request.Context(), client, scopes)
	return Result{Tokens: t, InBody: true}, err
}

// client authenticates the client that the request shows. known is false
// where none is shown with a secret; an empty one, as Swagger UI sends it, is
// none.
func (x *Exchange) client(clients ClientAuthenticator) (r watchword.ClientRecord, known bool, err error) {
	if !x.values.form {
		return r, false, nil
	}
	id, secret, err := x.clientCredentials()
	if err != nil || secret == "" {
		return r, false, err
	}
	r, err = clients.AuthenticateClient(x.Request.Context(), id, secret)
	return r, err == nil, err
}

// clientCredentials reads them from HTTP Basic or from the form (RFC 6749,
// section 2.3.1), never from both (section 2.3). Another scheme in the header
// is about somebody else.
func (x *Exchange) clientCredentials() (id, secret string, err error) {
	id, secret = x.Text(ParamClientID), x.Text(ParamClientSecret)
	headers := x.Request.Header.Values("Authorization")
	if len(headers) > 1 {
		return "", "", syntaxFault("two Authorization headers")
	}
	if len(headers) == 0 {
		return id, secret, nil
	}
	scheme, encoded, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return id, secret, nil
	}
	basicID, basicSecret, err := decodeBasic(strings.TrimLeft(encoded, " "))
	if err != nil {
		return "", "", err
	}
	if basicSecret == "" {
		return id, secret, nil
	}
	if secret != "" || id != "" && id != basicID {
		return "", "", syntaxFault("client credentials in two places")
	}
	return basicID, basicSecret, nil
}

// decodeBasic undoes base64 and then, as only OAuth has it, the form
// encoding of both halves.
func decodeBasic(encoded string) (id, secret string, err error) {
	bad := fmt.Errorf("%w: unreadable Basic credentials", watchword.InvalidClient)
	plain, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", bad
	}
	id, secret, ok := strings.Cut(string(plain), ":")
	if !ok {
		return "", "", bad
	}
	if id, err = url.QueryUnescape(id); err != nil {
		return "", "", bad
	}
	if secret, err = url.QueryUnescape(secret); err != nil {
		return "", "", bad
	}
	return id, secret, nil
}

// demandClient is client for endpoints that serve nobody else.
func (x *Exchange) demandClient(clients ClientAuthenticator) (watchword.ClientRecord, error) {
	r, known, err := x.client(clients)
	if err == nil && !known {
		err = fmt.Errorf("%w: none shown", watchword.InvalidClient)
	}
	return r, err
}

func introspect(clients ClientAuthenticator, introspector Introspector) operate {
	return func(x *Exchange) (Result, error) {
		if _, err := x.demandClient(clients); err != nil {
			return Result{}, err
		}
		if !x.Has(ParamToken) {
			return Result{}, missing(ParamToken)
		}
		i, err := introspector.Introspect(x.Request.Context(), x.Text(ParamToken))
		return Result{Introspection: i, Claims: i.Claims}, err
	}
}

// revoke lets a client revoke its own tokens and people's, never another
// client's (RFC 7009, section 2.1: "verifies whether the token was issued to
// the client"; people's tokens name no client of their own).
func revoke(s Service, clients ClientAuthenticator, revoker Revoker) operate {
	return func(x *Exchange) (Result, error) {
		client, err := x.demandClient(clients)
		if err != nil {
			return Result{}, err
		}
		if !x.Has(ParamToken) {
			return Result{}, missing(ParamToken)
		}
		ctx, raw := x.Request.Context(), x.Text(ParamToken)
		if c, err := s.Verify(ctx, raw); err == nil && c.ClientID == c.Subject && c.ClientID != client.ID {
			return Result{}, fmt.Errorf("%w: token of client %q", watchword.PermissionDenied, c.ClientID)
		}
		return Result{}, revoker.Revoke(ctx, raw, x.Client)
	}
}
