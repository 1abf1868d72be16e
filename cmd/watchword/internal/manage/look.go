package manage

import (
	"context"
	"fmt"
	"strings"

	"github.com/watchword-auth/watchword"
)

// AuditPage is a page of the audit log, newest first. Next is the Before of
// the following page; 0 after the last.
type AuditPage struct {
	Entries []watchword.AuditEntry
	Next    int64
}

// Audit returns a page of the audit log: at most 500 entries, 100 where
// f.Limit is 0.
func (m *Actions) Audit(ctx context.Context, by Actor, f watchword.AuditFilter) (AuditPage, error) {
	if err := m.demand(ctx, by, ViewAudit); err != nil {
		return AuditPage{}, err
	}
	f.Limit = page(f.Limit) + 1
	list, err := m.o.Store.ListAudit(ctx, f)
	if err != nil {
		return AuditPage{}, fmt.Errorf("read audit log: %w", err)
	}
	var p AuditPage
	if len(list) == f.Limit {
		list = list[:f.Limit-1]
		p.Next = list[len(list)-1].ID
	}
	p.Entries = list
	return p, nil
}

// Explanation is how one face judges a token.
type Explanation struct {
	Profile string
	Checks  []watchword.Check // up to the first that failed
	Claims  *watchword.Claims // nil: refused
}

// Explain has every face judge an access token, the native one first.
func (m *Actions) Explain(ctx context.Context, by Actor, raw string) ([]Explanation, error) {
	if err := m.demand(ctx, by, ExplainTokens); err != nil {
		return nil, err
	}
	all := make([]Explanation, len(m.o.Faces))
	for i, face := range m.o.Faces {
		checks, claims := face.Explain(ctx, raw)
		all[i] = Explanation{face.Profile(), checks, claims}
	}
	return all, nil
}

// Settings returns the settings as they run, as the file that would give
// them, secrets masked.
func (m *Actions) Settings(ctx context.Context, by Actor) (string, error) {
	if err := m.demand(ctx, by, ViewSettings); err != nil {
		return "", err
	}
	if m.o.Settings == nil {
		return "", missing("the settings are not known here")
	}
	var b strings.Builder
	if err := m.o.Settings(&b); err != nil {
		return "", fmt.Errorf("print settings: %w", err)
	}
	return b.String(), nil
}

// Face is a face that is served.
type Face struct {
	Profile string
	Issuer  string
}

// Dialects returns the faces that are served, the native one first.
func (m *Actions) Dialects(ctx context.Context, by Actor) ([]Face, error) {
	if err := m.demand(ctx, by, ViewSettings); err != nil {
		return nil, err
	}
	all := make([]Face, len(m.o.Faces))
	for i, face := range m.o.Faces {
		all[i] = Face{face.Profile(), face.Issuer()}
	}
	return all, nil
}
