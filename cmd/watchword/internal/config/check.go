package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
)

// check judges what can be judged without opening anything but the files
// that settings name.
func (l *loader) check() {
	c := l.c
	l.checkIssuer()
	l.checkAddr()
	if c.DB == "" {
		l.fault("db", "", errors.New("is empty: want sqlite:PATH, or sqlite::memory: for one that is gone with the process"))
	}
	for _, origin := range c.HTTP.Origins {
		if err := httpauth.CheckOrigin(origin); err != nil {
			l.fault("http.origins", "", err)
		}
	}
	l.checkTLS()
	l.checkLifetimes()
	params, err := password.ParseParams(c.Password.Preferred)
	if err == nil {
		_, err = password.New(password.Config{Preferred: params})
	}
	if err != nil {
		l.fault("password.preferred", "", err)
	}
	c.Password.Params = params
	l.checkUsers()
	if c.Audit.Keep < time.Hour {
		l.fault("audit.keep", "", fmt.Errorf("%s is below an hour, which is how often entries are removed", c.Audit.Keep))
	}
	l.checkKeys()
}

func (l *loader) checkIssuer() {
	if l.c.Issuer == "" {
		return
	}
	u, err := url.Parse(l.c.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		l.fault("issuer", "", fmt.Errorf("%q is no http or https URL without query and fragment", l.c.Issuer))
	}
}

func (l *loader) checkAddr() {
	_, port, err := net.SplitHostPort(l.c.Addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		l.fault("addr", "", fmt.Errorf("%q is not HOST:PORT, such as 127.0.0.1:8080 or :8080", l.c.Addr))
	}
}

func (l *loader) checkTLS() {
	t := l.c.TLS
	switch {
	case (t.Cert == "") != (t.Key == ""):
		l.fault("tls", "", errors.New("cert and key go together: set both or none"))
	case t.SelfSigned && t.Cert != "":
		l.fault("tls.self_signed", "", errors.New("a certificate is set too: choose one"))
	}
}

func (l *loader) checkLifetimes() {
	t := l.c.Lifetimes
	for _, bound := range []struct {
		key   string
		value time.Duration
	}{{"access", t.Access}, {"refresh", t.Refresh}, {"session", t.Session}} {
		if bound.value < time.Second {
			l.fault("lifetimes."+bound.key, "", fmt.Errorf("%s is below a second", bound.value))
		}
	}
	if t.Session < t.Access {
		l.fault("lifetimes.session", "", fmt.Errorf("%s is shorter than lifetimes.access, %s", t.Session, t.Access))
	}
	if t.Grace < 0 || t.Grace > watchword.MaxGrace {
		l.fault("lifetimes.grace", "", fmt.Errorf("%s is outside 0 to %s", t.Grace, shortDuration(watchword.MaxGrace)))
	}
	if l.c.Keys.RotateEvery < 0 {
		l.fault("keys.rotate_every", "", errors.New("is negative: 0 never rotates"))
	}
}

// checkKeys reads the shared secret, if there is one.
func (l *loader) checkKeys() {
	k := &l.c.Keys
	if k.SecretFile == "" {
		return
	}
	if !k.Algorithm.Symmetric() {
		l.fault("keys.secret_file", "", fmt.Errorf("keys.algorithm is %s, which has no secret: set HS256, HS384 or HS512", k.Algorithm))
		return
	}
	secret, err := ReadSecret(k.SecretFile)
	if err != nil {
		l.fault("keys.secret_file", "", err)
		return
	}
	if k.Secret, err = jwt.NewSecret("", k.Algorithm, secret); err != nil {
		l.fault("keys.secret_file", "", fmt.Errorf("%s holds %d bytes, and %s needs at least %d: `watchword key secret` makes a good one",
			k.SecretFile, len(secret), k.Algorithm, secretLength(k.Algorithm)))
	}
}

// secretLength is that of the hash (RFC 7518, section 3.2).
func secretLength(a jwt.Algorithm) int {
	switch a {
	case jwt.HS384:
		return 48
	case jwt.HS512:
		return 64
	default:
		return 32
	}
}
