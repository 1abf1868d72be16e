package main

import (
	"slices"
	"strings"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/dialect"
)

type dialectCommands struct {
	List  dialectListCommand  `cmd:"" help:"List the other systems that the server answers as: routes and settings of each."`
	Check dialectCheckCommand `cmd:"" help:"Compare a running original with what we answer."`
}

type dialectListCommand struct{}

func (dialectListCommand) Help() string {
	return "Routes are those of the settings where a file has a [[dialect]] table, and else of the defaults.\n\nExample:\n  watchword dialect list\n  watchword dialect list --config watchword.toml --json"
}

// shownDialect is a dialect as --json has it.
type shownDialect struct {
	Name     string         `json:"name"`
	Prefix   string         `json:"prefix"`
	Routes   []shownRoute   `json:"routes"`
	Settings []shownSetting `json:"settings"`
}

type shownRoute struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

type shownSetting struct {
	Name    string `json:"name"`
	Default string `json:"default"`
	Want    string `json:"want"`
}

// Run lists the dialects.
func (dialectListCommand) Run(a *app) error {
	c, err := a.config(nil)
	if err != nil {
		return err
	}
	list := []shownDialect{}
	for _, name := range dialect.Names() {
		made, err := makeDialect(c, name)
		if err != nil {
			return err
		}
		list = append(list, describe(made))
	}
	return a.show(list, func() error { return a.printDialects(list) })
}

// makeDialect makes a dialect by its table in the settings, or by its
// defaults.
func makeDialect(c config.Config, name string) (dialect.Dialect, error) {
	d := config.Dialect{Name: name}
	if i := slices.IndexFunc(c.Dialects, func(d config.Dialect) bool { return d.Name == name }); i >= 0 {
		d = c.Dialects[i]
	}
	settings, err := d.ResolvedSettings()
	if err != nil {
		return dialect.Dialect{}, err
	}
	return dialect.ByName(name, dialect.Options{
		Prefix: d.Prefix, Settings: settings, SampleRoutes: d.SampleRoutes, UserFields: d.UserFields,
		InsecureShortSecret: d.InsecureShortSecret, AdoptUntil: d.AdoptUntil,
	})
}

func describe(d dialect.Dialect) shownDialect {
	s := shownDialect{Name: d.Name, Prefix: d.Profile.Prefix, Routes: []shownRoute{}, Settings: []shownSetting{}}
	for _, pattern := range d.Profile.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		s.Routes = append(s.Routes, shownRoute{Method: method, Path: path})
	}
	for _, known := range d.Settings {
		s.Settings = append(s.Settings, shownSetting(known))
	}
	return s
}

func (a *app) printDialects(list []shownDialect) error {
	for i, d := range list {
		if i > 0 {
			if err := a.printf("\n"); err != nil {
				return err
			}
		}
		if err := a.printf("%s, under %s\n\n", d.Name, d.Prefix); err != nil {
			return err
		}
		var routes, settings [][]string
		for _, r := range d.Routes {
			routes = append(routes, []string{r.Method, r.Path})
		}
		for _, s := range d.Settings {
			settings = append(settings, []string{s.Name, s.Default, s.Want})
		}
		if err := a.table("METHOD PATH", routes); err != nil {
			return err
		}
		if err := a.printf("\n"); err != nil {
			return err
		}
		if err := a.table("SETTING DEFAULT WANT", settings); err != nil {
			return err
		}
	}
	return nil
}
