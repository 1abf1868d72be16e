package manage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Clients returns the machine clients by name, without what recognises their
// secrets.
func (m *Actions) Clients(ctx context.Context, by Actor) ([]watchword.ClientRecord, error) {
	if err := m.demand(ctx, by, ViewClients); err != nil {
		return nil, err
	}
	list, err := m.o.Store.ListClients(ctx)
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	for i := range list {
		list[i].SecretHash = nil
	}
	return list, nil
}

// NewClient is a machine client and its secret, which is shown once.
type NewClient struct {
	watchword.ClientRecord
	Secret string
}

// AddClient makes a machine client, which may copy the named fields of users'
// records (see [httpauth.UserFields]). Conflict where the name is taken.
func (m *Actions) AddClient(ctx context.Context, by Actor, name string, scopes []string, fields ...string) (NewClient, error) {
	if err := m.demand(ctx, by, ChangeClients); err != nil {
		return NewClient{}, err
	}
	if err := CheckClient(name, scopes, fields...); err != nil {
		return NewClient{}, err
	}
	now := m.o.Now()
	id, secret, record := watchword.NewClientSecret(name, scopes, now)
	record.UserFields = slices.Sorted(slices.Values(fields))
	if err := m.mayHold(ctx, by, record); err != nil {
		return NewClient{}, err
	}
	if err := m.o.Store.CreateClient(ctx, record); err != nil {
		return NewClient{}, fmt.Errorf("add client: %w", err)
	}
	m.record(ctx, by, watchword.Event{Kind: watchword.UserChanged, At: now, UserID: id, Login: name, Detail: "client added"})
	record.SecretHash = nil
	return NewClient{record, secret}, nil
}

// CheckClient judges a machine client to be made, as AddClient does.
func CheckClient(name string, scopes []string, fields ...string) error {
	in := &input{}
	switch {
	case name == "":
		in.fault("name", "a client needs a name")
	case strings.HasPrefix(name, "client_"):
		// Whoever asks for the client of that name would get the other one.
		in.fault("name", "it looks like the id of a client")
	}
	in.text("name", name)
	in.scopes("scopes", scopes)
	known := httpauth.UserFields()
	in.list("user_fields", fields, func(field string) string {
		if !slices.Contains(known, field) {
			return fmt.Sprintf("users have no field %q: %s", field, strings.Join(known, ", "))
		}
		return ""
	})
	return in.err()
}

// mayHold refuses an actor who would get hold of a client with scopes that he
// must not grant, or one that reads users where he may not: its secret is as
// good as what the client may do.
func (m *Actions) mayHold(ctx context.Context, by Actor, r watchword.ClientRecord) error {
	why := ""
	for _, scope := range r.Scopes {
		why = cmp.Or(why, grants(by, "scope", scope))
	}
	if len(r.UserFields) > 0 && !by.Can(ViewUsers) {
		why = cmp.Or(why, "only who may see users lets a client copy them")
	}
	if why != "" {
		return m.deny(ctx, by, watchword.User{ID: r.ID, Login: r.Name}, why)
	}
	return nil
}

// client finds a client by its id or its name. The id counts first: a name may
// be chosen to look like another's id.
func (m *Actions) client(ctx context.Context, which string) (watchword.ClientRecord, error) {
	list, err := m.o.Store.ListClients(ctx)
	if err != nil {
		return watchword.ClientRecord{}, fmt.Errorf("list clients: %w", err)
	}
	i := slices.IndexFunc(list, func(c watchword.ClientRecord) bool { return c.ID == which })
	if i < 0 {
		i = slices.IndexFunc(list, func(c watchword.ClientRecord) bool { return c.Name == which })
	}
	if i < 0 {
		return watchword.ClientRecord{}, missing("no such client")
	}
	return list[i], nil
}

// RenewClientSecret gives a client, by id or name, a new secret; the old one
// ends at once.
func (m *Actions) RenewClientSecret(ctx context.Context, by Actor, which string) (NewClient, error) {
	if err := m.demand(ctx, by, ChangeClients); err != nil {
		return NewClient{}, err
	}
	record, err := m.client(ctx, which)
	if err != nil {
		return NewClient{}, err
	}
	if err := m.mayHold(ctx, by, record); err != nil {
		return NewClient{}, err
	}
	secret, hash := watchword.RenewClientSecret()
	if record, err = m.o.Store.SetClientSecret(ctx, record.Name, hash); err != nil {
		return NewClient{}, fmt.Errorf("set client secret: %w", err)
	}
	m.record(ctx, by, watchword.Event{Kind: watchword.UserChanged, UserID: record.ID, Login: record.Name, Detail: "client secret renewed"})
	record.SecretHash = nil
	return NewClient{record, secret}, nil
}

// DeleteClient deletes a client, by id or name, and returns what it was; its
// tokens are refused from then on.
func (m *Actions) DeleteClient(ctx context.Context, by Actor, which string) (watchword.ClientRecord, error) {
	if err := m.demand(ctx, by, ChangeClients); err != nil {
		return watchword.ClientRecord{}, err
	}
	record, err := m.client(ctx, which)
	if err != nil {
		return watchword.ClientRecord{}, err
	}
	// The fact comes first, so that whoever is told of a fault can try again
	// and leave nothing. It reaches ahead in time: no other client ever gets
	// the id, and a token that is being made meanwhile is dated later.
	now := m.o.Now()
	until := m.until(now)
	fact := watchword.Fact{Kind: watchword.UserFact, ID: record.ID, Before: until, Until: until}
	if _, err := m.o.Store.AddFact(ctx, fact); err != nil {
		return watchword.ClientRecord{}, fmt.Errorf("revoke the client's tokens: %w", err)
	}
	if err := m.o.Store.DeleteClient(ctx, record.Name); err != nil {
		return watchword.ClientRecord{}, fmt.Errorf("delete client: %w", err)
	}
	m.heard(ctx)
	m.record(ctx, by, watchword.Event{Kind: watchword.UserChanged, At: now, UserID: record.ID, Login: record.Name, Detail: "client deleted"})
	record.SecretHash = nil
	return record, nil
}
