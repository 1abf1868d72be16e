package manage

import (
	"context"
	"fmt"
	"slices"

	"github.com/watchword-auth/watchword"
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

// AddClient makes a machine client. Conflict where the name is taken.
func (m *Actions) AddClient(ctx context.Context, by Actor, name string, scopes []string) (NewClient, error) {
	if err := m.demand(ctx, by, ChangeClients); err != nil {
		return NewClient{}, err
	}
	in := &input{}
	if name == "" {
		in.fault("name", "a client needs a name")
	}
	in.text("name", name)
	in.scopes("scopes", scopes)
	if err := in.err(); err != nil {
		return NewClient{}, err
	}
	if err := m.mayHold(ctx, by, name, scopes); err != nil {
		return NewClient{}, err
	}
	now := m.o.Now()
	id, secret, record := watchword.NewClientSecret(name, scopes, now)
	if err := m.o.Store.CreateClient(ctx, record); err != nil {
		return NewClient{}, fmt.Errorf("add client: %w", err)
	}
	m.record(ctx, by, watchword.Event{Kind: watchword.UserChanged, At: now, UserID: id, Login: name, Detail: "client added"})
	record.SecretHash = nil
	return NewClient{record, secret}, nil
}

// mayHold refuses an actor who would get hold of a client with scopes that he
// must not grant: its secret is as good as the scopes.
func (m *Actions) mayHold(ctx context.Context, by Actor, name string, scopes []string) error {
	for _, scope := range scopes {
		if why := grants(by, "scope", scope); why != "" {
			return m.deny(ctx, by, watchword.User{Login: name}, why)
		}
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
	if err := m.mayHold(ctx, by, record.Name, record.Scopes); err != nil {
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
