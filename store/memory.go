package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
)

// Memory is a store that forgets everything when the process ends. It is
// safe for concurrent use. Make one with [NewMemory].
type Memory struct {
	mu sync.RWMutex // over everything below

	users    map[int64]*memoryUser
	names    map[string]int64 // folded logins and addresses
	gone     map[int64]bool   // ids of deleted users
	lastUser int64
	imports  map[importOf]watchword.Import

	sessions    map[int64]watchword.Session
	open        map[string]map[int64]bool // by user: numbers not ended
	origins     map[string]int64
	lastSession int64

	facts    []placedFact // by place
	lastFact int64
	told     map[string]int64 // the place of the last fact about a user's record, by his id

	rings     map[string]memoryRing
	clients   map[string]watchword.ClientRecord // by name
	meta      map[string][]byte
	audit     []watchword.AuditEntry // by ID
	lastAudit int64
	receipts  map[string]watchword.Receipt // by ID
}

type memoryUser struct {
	watchword.User
	hash string
}

type placedFact struct {
	watchword.Fact
	n int64
}

type memoryRing struct {
	records []watchword.KeyRecord
	version int64
}

var (
	_ watchword.Store         = (*Memory)(nil)
	_ watchword.SessionLister = (*Memory)(nil)
	_ watchword.PasswordUsers = (*Memory)(nil)
	_ watchword.HashSampler   = (*Memory)(nil)
	_ watchword.LoginRecorder = (*Memory)(nil)
	_ watchword.UserAdmin     = (*Memory)(nil)
	_ watchword.UserImporter  = (*Memory)(nil)
	_ watchword.UserSearcher  = (*Memory)(nil)
	_ watchword.Receipts      = (*Memory)(nil)
	_ watchword.KeyStore      = (*Memory)(nil)
	_ watchword.Clients       = (*Memory)(nil)
	_ watchword.Meta          = (*Memory)(nil)
	_ watchword.AuditLog      = (*Memory)(nil)
	_ watchword.AuditTrimmer  = (*Memory)(nil)
	_ watchword.Purger        = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		users:    make(map[int64]*memoryUser),
		names:    make(map[string]int64),
		gone:     make(map[int64]bool),
		imports:  make(map[importOf]watchword.Import),
		sessions: make(map[int64]watchword.Session),
		open:     make(map[string]map[int64]bool),
		told:     make(map[string]int64),
		origins:  make(map[string]int64),
		rings:    make(map[string]memoryRing),
		clients:  make(map[string]watchword.ClientRecord),
		receipts: make(map[string]watchword.Receipt),
		meta:     map[string][]byte{metaEpoch: []byte(rand.Text())},
	}
}

// Keys returns the records of the ring, in the order they were put.
func (m *Memory) Keys(_ context.Context, ring string) ([]watchword.KeyRecord, int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r := m.rings[ring]
	return tidyKeys(r.records), r.version, nil
}

// PutKeys replaces the records of the ring.
func (m *Memory) PutKeys(_ context.Context, ring string, version int64, records []watchword.KeyRecord, until, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.rings[ring].version; now != version {
		return errRingMoved(ring, version, now)
	}
	m.rings[ring] = memoryRing{records: tidyKeys(records), version: version + 1}
	m.append(keyFact(until))
	return nil
}

// tidyKeys returns a deep copy of records as they are kept.
func tidyKeys(records []watchword.KeyRecord) []watchword.KeyRecord {
	all := clone(records)
	for i := range all {
		all[i].Sealed = clone(all[i].Sealed)
		all[i].CreatedAt = stamp(all[i].CreatedAt)
		all[i].StateAt = stamp(all[i].StateAt)
	}
	return all
}

func errRingMoved(ring string, version, now int64) error {
	return fmt.Errorf("%w: key ring %q is at version %d, not %d", watchword.Conflict, ring, now, version)
}

func keyFact(until time.Time) watchword.Fact {
	return tidyFact(watchword.Fact{Kind: watchword.KeyFact, Until: until})
}

// CreateClient keeps a machine client.
func (m *Memory) CreateClient(_ context.Context, c watchword.ClientRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.clients {
		if other.Name == c.Name || other.ID == c.ID {
			return errClientTaken(c.Name)
		}
	}
	m.clients[c.Name] = tidyClient(c)
	return nil
}

// ClientByID returns the client with that id.
func (m *Memory) ClientByID(_ context.Context, id string) (watchword.ClientRecord, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, c := range m.clients {
		if c.ID == id {
			return tidyClient(c), nil
		}
	}
	return watchword.ClientRecord{}, noClient(id)
}

// ListClients returns all clients by name.
func (m *Memory) ListClients(context.Context) ([]watchword.ClientRecord, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make([]watchword.ClientRecord, 0, len(m.clients))
	for _, c := range m.clients {
		all = append(all, tidyClient(c))
	}
	slices.SortFunc(all, func(a, b watchword.ClientRecord) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// SetClientSecret replaces the hash of the client's secret.
func (m *Memory) SetClientSecret(_ context.Context, name string, hash []byte) (watchword.ClientRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.clients[name]
	if !ok {
		return watchword.ClientRecord{}, noClient(name)
	}
	c.SecretHash = clone(hash)
	m.clients[name] = c
	return tidyClient(c), nil
}

// DeleteClient removes the client.
func (m *Memory) DeleteClient(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.clients[name]; !ok {
		return noClient(name)
	}
	delete(m.clients, name)
	return nil
}

func tidyClient(c watchword.ClientRecord) watchword.ClientRecord {
	c.SecretHash = clone(c.SecretHash)
	c.Scopes = clone(c.Scopes)
	c.UserFields = clone(c.UserFields)
	c.CreatedAt = stamp(c.CreatedAt)
	return c
}

func noClient(name string) error { return fmt.Errorf("%w: client %q", watchword.NotFound, name) }

func errClientTaken(name string) error {
	return fmt.Errorf("%w: client %q", watchword.Conflict, name)
}

// Meta returns the value of that name.
func (m *Memory) Meta(_ context.Context, name string) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.meta[name]
	if !ok {
		return nil, noMeta(name)
	}
	return clone(v), nil
}

// SetMeta keeps the value under that name.
func (m *Memory) SetMeta(_ context.Context, name string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meta[name] = clone(value)
	return nil
}

func noMeta(name string) error { return fmt.Errorf("%w: value %q", watchword.NotFound, name) }

// AppendAudit keeps the entries in their order; the IDs they come with are
// not looked at.
func (m *Memory) AppendAudit(_ context.Context, entries []watchword.AuditEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		m.lastAudit++
		e.ID, e.At = m.lastAudit, stamp(e.At)
		m.audit = append(m.audit, e)
	}
	return nil
}

// ListAudit returns entries, newest first.
func (m *Memory) ListAudit(_ context.Context, f watchword.AuditFilter) ([]watchword.AuditEntry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []watchword.AuditEntry
	for _, e := range slices.Backward(m.audit) {
		if e.ID >= below(f.Before) || (f.Kind != "" && e.Kind != f.Kind) ||
			(f.UserID != "" && e.UserID != f.UserID) || (f.Actor != "" && e.Actor != f.Actor) || e.At.Before(stamp(f.Since)) {
			continue
		}
		if found = append(found, e); len(found) == limitOr(f.Limit) {
			break
		}
	}
	return found, nil
}

// TrimAudit removes all but the newest keep entries.
func (m *Memory) TrimAudit(_ context.Context, keep int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := max(len(m.audit)-max(keep, 0), 0)
	m.audit = slices.Delete(m.audit, 0, n)
	return n, nil
}

// Purge removes what can no longer matter.
func (m *Memory) Purge(_ context.Context, at, before, audit time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	had := len(m.facts) + len(m.audit) + len(m.sessions) + len(m.receipts)
	maps.DeleteFunc(m.receipts, func(_ string, r watchword.Receipt) bool { return !r.Until.After(at) })
	m.facts = slices.DeleteFunc(m.facts, func(f placedFact) bool { return !f.Until.After(at) })
	m.audit = slices.DeleteFunc(m.audit, func(e watchword.AuditEntry) bool { return e.At.Before(audit) })
	for number, s := range m.sessions {
		if lastNeeded(s).Before(before) {
			delete(m.sessions, number)
			delete(m.origins, string(s.Origin))
			m.close(s)
		}
	}
	return had - len(m.facts) - len(m.audit) - len(m.sessions) - len(m.receipts), nil
}
