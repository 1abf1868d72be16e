package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
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
	slices.Sort(c.UserField)
	c.UserField = slices.Compact(c.UserField)
	if err := inFlags(manage.CheckClient(c.Name, c.Scope, c.UserField...), map[string]string{"name": "the name"}); err != nil {
		return err
	}
	return a.with(true, nil, func(ctx context.Context, s *site) error {
		actions, err := s.actions()
		if err != nil {
			return err
		}
		made, err := actions.AddClient(ctx, operator(), c.Name, c.Scope, c.UserField...)
		if errors.Is(err, watchword.Conflict) {
			return failf(watchword.Conflict, "there is a client %q already: `watchword client secret` gives it a new secret", c.Name)
		}
		if err != nil {
			return err
		}
		return a.showClient(newClient{ID: made.ID, Name: made.Name, Secret: made.Secret})
	})
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
		actions, err := s.actions()
		if err != nil {
			return err
		}
		renewed, err := actions.RenewClientSecret(ctx, operator(), c.Name)
		if errors.Is(err, watchword.NotFound) {
			return noClient(c.Name)
		}
		if err != nil {
			return err
		}
		return a.showClient(newClient{ID: renewed.ID, Name: renewed.Name, Secret: renewed.Secret})
	})
}

type clientDeleteCommand struct {
	Name string `arg:"" help:"The client's name."`
}

func (clientDeleteCommand) Help() string { return "Example:\n  watchword client delete shop" }

// Run deletes the client.
func (c *clientDeleteCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		actions, err := s.actions()
		if err != nil {
			return err
		}
		gone, err := actions.DeleteClient(ctx, operator(), c.Name)
		if errors.Is(err, watchword.NotFound) {
			return noClient(c.Name)
		}
		if err != nil {
			return err
		}
		return a.show(map[string]string{"id": gone.ID, "name": gone.Name}, func() error {
			return a.printf("deleted client %s; its tokens are refused\n", printable(gone.Name))
		})
	})
}
