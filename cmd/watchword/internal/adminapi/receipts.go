package adminapi

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
	"github.com/watchword-auth/watchword/httpauth"
)

const (
	// receiptLife is how long an answer can be asked for again.
	receiptLife = 24 * time.Hour
	// underWay is how long a request without an answer holds its key: longer
	// than the server lets one live. After it a process has died, and the
	// request may be made again; names are unique, so nothing is made twice.
	underWay = 2 * time.Minute
	// maxKey bounds an Idempotency-Key, in bytes.
	maxKey = 255

	idempotencyKey = "Idempotency-Key"
)

// receipts answers a request that is made again as it was answered first.
//
// Nothing of key, request or answer can be read from what is stored. Where it
// is kept, how the request is recognised and how the answer is sealed all
// come from the seal key and the client's own key together, of which neither
// is stored: an answer may hold a secret that is shown once, and a plain hash
// of a body with a password would be there to try passwords on.
type receipts struct {
	store watchword.Receipts
	key   []byte
	now   func() time.Time
}

func newReceipts(o Options) (*receipts, error) {
	key, err := hkdf.Key(sha256.New, o.Seal, nil, "watchword idempotency", 32)
	if err != nil {
		return nil, fmt.Errorf("adminapi: derive key: %w", err)
	}
	return &receipts{o.Receipts, key, o.Now}, nil
}

// kept is an answer as it is sealed.
type kept struct {
	Status   int    `json:"status"`
	Location string `json:"location"`
	Body     []byte `json:"body"`
}

// once runs do, or answers as the first request with the same key was
// answered. Without a key it runs do, and for an actor without the permission,
// whom do refuses: he may have lost it since the first request. Keys are the
// actor's own at that route, and he who has lost his rank or a scope is
// another: the answer may hold a secret that he would be refused now. Refusals
// and faults are not kept: the request may be made again.
func (r *receipts) once(c *call, body []byte, p manage.Permission, do func() (httpauth.Reply, error)) (httpauth.Reply, error) {
	header := c.Request.Header.Values(idempotencyKey)
	if len(header) == 0 || !c.by.Can(p) {
		return do()
	}
	if len(header) > 1 || !keyText(header[0]) {
		return httpauth.Reply{}, wrong(idempotencyKey, "want one key of 1 to 255 printable characters, such as a UUID")
	}
	scope := fmt.Sprintf("%s\x00%t %q\x00%s %s", c.by.Name(), c.by.Superuser(), slices.Sorted(slices.Values(c.by.Scopes)),
		c.Request.Method, c.Request.URL.Path)
	s, err := r.secrets(scope, header[0])
	if err != nil {
		return httpauth.Reply{}, err
	}
	ctx, now := c.Request.Context(), r.now()
	claim := watchword.Receipt{ID: s.id, Mark: s.mark(body), Until: now.Add(underWay)}
	standing, claimed, err := r.store.ClaimReceipt(ctx, claim, now)
	if err != nil {
		return httpauth.Reply{}, fmt.Errorf("claim receipt: %w", err)
	}
	if !claimed {
		return s.again(claim, standing)
	}
	reply, err := do()
	// Whether the client waits or not, what became of it is written down.
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		return reply, errors.Join(err, r.store.DropReceipt(ctx, s.id))
	}
	// It is done: where the answer cannot be kept, asking again finds the name
	// taken, and nothing is made twice.
	if answer, err := s.close(reply); err == nil {
		_ = r.store.SettleReceipt(ctx, watchword.Receipt{ID: s.id, Answer: answer, Until: now.Add(receiptLife)})
	}
	return reply, nil
}

// keyText reports whether text may be a key.
func keyText(text string) bool {
	return text != "" && len(text) <= maxKey && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// secrets are what a key yields.
type secrets struct {
	id      []byte
	marking []byte
	seal    cipher.AEAD
}

func (r *receipts) secrets(scope, key string) (secrets, error) {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(scope + "\x00" + key))
	// 32 bytes each for the place, the mark and the seal.
	all, err := hkdf.Key(sha256.New, mac.Sum(nil), nil, "watchword receipt", 96)
	if err != nil {
		return secrets{}, fmt.Errorf("derive keys of a receipt: %w", err)
	}
	block, err := aes.NewCipher(all[64:])
	if err != nil {
		return secrets{}, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	return secrets{all[:32], all[32:64], seal}, err
}

// mark recognises a body.
func (s secrets) mark(body []byte) []byte {
	mac := hmac.New(sha256.New, s.marking)
	mac.Write(body)
	return mac.Sum(nil)
}

func (s secrets) close(r httpauth.Reply) ([]byte, error) {
	plain, err := json.Marshal(kept{r.Status, r.Header.Get("Location"), r.Body})
	if err != nil {
		return nil, err
	}
	return s.seal.Seal(nil, nil, plain, s.id), nil //nolint:gosec // G407: this AEAD makes its own random nonce
}

// again answers a request whose key is known.
func (s secrets) again(claim, standing watchword.Receipt) (httpauth.Reply, error) {
	switch {
	case !hmac.Equal(claim.Mark, standing.Mark):
		return httpauth.Reply{}, refused("the Idempotency-Key was used for another request")
	case standing.Answer == nil:
		return httpauth.Reply{}, refused("the first request with this Idempotency-Key is still under way")
	}
	plain, err := s.seal.Open(nil, nil, standing.Answer, s.id)
	if err != nil {
		return httpauth.Reply{}, fmt.Errorf("open receipt: %w", err)
	}
	var k kept
	if err := json.Unmarshal(plain, &k); err != nil {
		return httpauth.Reply{}, fmt.Errorf("read receipt: %w", err)
	}
	header := http.Header{"Idempotency-Replayed": {"true"}}
	if k.Location != "" {
		header.Set("Location", k.Location)
	}
	return httpauth.Reply{Status: k.Status, Header: header, Body: k.Body}, nil
}

// refused is a Conflict that the client is told the reason of.
func refused(why string) error {
	return &watchword.PolicyError{Code: watchword.Conflict, Message: why}
}

// idempotency is the header, for documents.
func idempotency() []httpauth.Parameter {
	return []httpauth.Parameter{{
		Name:        idempotencyKey,
		Description: "A text of the client's own, such as a UUID. The same request with the same key is carried out once; asked again within a day it is answered alike.",
		Example:     "5f6c3a1e-6d5f-4b0e-9c59-2f6c1f3f0a11",
	}}
}
