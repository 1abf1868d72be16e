package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"sync"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
)

// tlsConfig returns nil for plain HTTP.
func tlsConfig(c config.TLS, log *slog.Logger) (*tls.Config, error) {
	switch {
	case c.SelfSigned:
		cert, err := selfSigned(time.Now())
		if err != nil {
			return nil, fmt.Errorf("make certificate: %w", err)
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}, nil
	case c.Cert != "":
		r := &renewed{files: c, log: log, looked: time.Now()}
		if err := r.load(); err != nil {
			return nil, err
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: r.get}, nil
	default:
		return nil, nil
	}
}

// renewed is a certificate whose files may be replaced while it is in use.
type renewed struct {
	files config.TLS
	log   *slog.Logger

	mu     sync.Mutex
	cert   *tls.Certificate
	stamp  config.FileStamp
	looked time.Time
}

// look is how often the files are looked at.
const look = time.Second

// get returns the certificate as it stands on the disk. A pair that cannot
// be read, perhaps because only half of it was written yet, leaves the old
// one in use.
func (r *renewed) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.looked) > look {
		r.looked = now
		if config.StampOf(r.files.Cert, r.files.Key) != r.stamp {
			if err := r.load(); err != nil {
				r.log.Error("read certificate again", "error", err)
			} else {
				r.log.Info("certificate replaced")
			}
		}
	}
	return r.cert, nil
}

func (r *renewed) load() error {
	stamp := config.StampOf(r.files.Cert, r.files.Key) // before reading, so that no change is missed
	cert, key, err := r.files.Read()
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("tls: %s and %s are no pair of certificate and key: %w", r.files.Cert, r.files.Key, err)
	}
	r.cert, r.stamp = &pair, stamp
	return nil
}

// selfSigned makes a certificate for trying out. It is gone with the process.
func selfSigned(now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "watchword, for trying out"},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
