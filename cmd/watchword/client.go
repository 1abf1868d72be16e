package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

type clientCommands struct {
	Add    clientAddCommand    `cmd:"" help:"Add a machine client."`
	List   clientListCommand   `cmd:"" help:"List the machine clients."`
	Secret clientSecretCommand `cmd:"" help:"Give a client a new secret; the old one ends at once."`
	Delete clientDeleteCommand `cmd:"" help:"Delete a client; its tokens are refused from then on."`
}

// newClient is what is shown once.
type newClient struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

func (a *app) showClient(c newClient) error {
	return a.show(c, func() error {
		return a.printf("id      %s\nsecret  %s\nThe secret is not shown again.\n", c.ID, c.Secret)
	})
}

type clientAddCommand struct {
	Name      string   `arg:"" help:"A name for people."`
	Scope     []string `sep:"none" placeholder:"S" help:"A scope that the client may ask for; again for more."`
	UserField []string `sep:"none" placeholder:"F" help:"A field of users' records that the client may copy, such as email; again for more."`
}

func (clientAddCommand) Help() string {
	return "For client credentials, introspection and the revocation feed, and for services that keep copies of users.\n\n" +
		"Example:\n  watchword client add shop --scope orders:read\n  watchword client add wiki --user-field email --user-field extra"
}

// Run adds the client.
func (c *clientAddCommand) Run(a *app) error {
	if strings.TrimSpace(c.Name) == "" {
		return usagef("a client needs a name")
	}
	if err := checkText("the name", c.Name); err != nil {
		return err
	}
	for _, scope := range c.Scope {
		if parsed, err := watchword.ParseScope(scope); err != nil || len(parsed) != 1 {
			return usagef("--scope: %q is no scope: one word of printable ASCII without quotes and backslashes", scope)
		}
	}
	for _, field := range c.UserField {
		if known := httpauth.UserFields(); !slices.Contains(known, field) {
			return usagef("--user-field: users have no field %q: %s", field, strings.Join(known, ", "))
		}
	}
	slices.Sort(c.UserField)
	return a.with(true, nil, func(ctx context.Context, s *site) error {
		id, secret, record := watchword.NewClientSecret(c.Name, c.Scope, s.now)
		record.UserFields = slices.Compact(c.UserField)
		err := s.CreateClient(ctx, record)
		if errors.Is(err, watchword.Conflict) {
			return failf(watchword.Conflict, "there is a client %q already: `watchword client secret` gives it a new secret", c.Name)
		}
		if err != nil {
			return fmt.Errorf("add client: %w", err)
		}
		s.tellClient(id, c.Name, "client added")
		return a.showClient(newClient{ID: id, Name: c.Name, Secret: secret})
	})
}

func (s *site) tellClient(id, name, what string) {
	s.tell(watchword.Event{Kind: watchword.UserChanged, UserID: id, Login: name, Detail: what})
}

type clientListCommand struct{}

func (clientListCommand) Help() string { return "Example:\n  watchword client list" }

// Run lists the clients.
func (clientListCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		list, err := s.ListClients(ctx)
		if err != nil {
			return fmt.Errorf("list clients: %w", err)
		}
		type shown struct {
			ID         string   `json:"id"`
			Name       string   `json:"name"`
			Scopes     []string `json:"scopes"`
			UserFields []string `json:"user_fields"`
			CreatedAt  *string  `json:"created_at"`
		}
		records, rows := []shown{}, [][]string{}
		for _, c := range list {
			records = append(records, shown{c.ID, c.Name, full(c.Scopes), full(c.UserFields), instant(c.CreatedAt)})
			rows = append(rows, []string{c.ID, c.Name, strings.Join(c.Scopes, " "), strings.Join(c.UserFields, " "), stamp(c.CreatedAt)})
		}
		return a.show(records, func() error { return a.table("ID NAME SCOPES FIELDS CREATED", rows) })
	})
}

func noClient(name string) error {
	return failf(watchword.NotFound, "there is no client %q: `watchword client list` shows them", name)
}

type clientSecretCommand struct {
	Name string `arg:"" help:"The client's name."`
}

func (clientSecretCommand) Help() string { return "Example:\n  watchword client secret shop" }

// Run renews the secret.
func (c *clientSecretCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		secret, hash := watchword.RenewClientSecret()
		record, err := s.SetClientSecret(ctx, c.Name, hash)
		if errors.Is(err, watchword.NotFound) {
			return noClient(c.Name)
		}
		if err != nil {
			return fmt.Errorf("set client secret: %w", err)
		}
		s.tellClient(record.ID, c.Name, "client secret renewed")
		return a.showClient(newClient{ID: record.ID, Name: c.Name, Secret: secret})
	})
}

type clientDeleteCommand struct {
	Name string `arg:"" help:"The client's name."`
}

func (clientDeleteCommand) Help() string { return "Example:\n  watchword client delete shop" }

// Run deletes the client. The fact comes first, so that whoever is told of a
// fault can try again and leave nothing. It reaches ahead in time: no other
// client ever gets the id, and a token that a server makes meanwhile is dated
// later than this command began.
func (c *clientDeleteCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		list, err := s.ListClients(ctx)
		if err != nil {
			return fmt.Errorf("list clients: %w", err)
		}
		i := slices.IndexFunc(list, func(r watchword.ClientRecord) bool { return r.Name == c.Name })
		if i < 0 {
			return noClient(c.Name)
		}
		fact := watchword.Fact{Kind: watchword.UserFact, ID: list[i].ID, Before: s.until(), Until: s.until()}
		if _, err := s.AddFact(ctx, fact); err != nil {
			return fmt.Errorf("revoke the client's tokens: %w", err)
		}
		if err := s.DeleteClient(ctx, c.Name); err != nil {
			return fmt.Errorf("delete client: %w", err)
		}
		s.tellClient(list[i].ID, c.Name, "client deleted")
		return a.show(map[string]string{"id": list[i].ID, "name": c.Name}, func() error {
			return a.printf("deleted client %s; its tokens are refused\n", printable(c.Name))
		})
	})
}
