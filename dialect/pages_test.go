package dialect_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/dialect"
)

var update = flag.Bool("update", false, "write the pages of docs/dialects anew")

// TestPages holds docs/dialects/NAME.md against what the code says: routes,
// settings and differences. With -update it writes them.
func TestPages(t *testing.T) {
	for _, name := range dialect.Names() {
		t.Run(name, func(t *testing.T) {
			want := page(t, name)
			file := filepath.Join("..", "docs", "dialects", name+".md")
			if *update {
				if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ReplaceAll(string(got), "\r\n", "\n") != want {
				t.Errorf("%s is out of date: go test ./dialect -run TestPages -update", file)
			}
		})
	}
}

// page makes a dialect's page.
func page(t *testing.T, name string) string {
	t.Helper()
	var b strings.Builder
	d, err := dialect.ByName(name, dialect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "<!-- Made by go test ./dialect -run TestPages -update; edit the code. -->\n\n# %s\n\n", name)
	fmt.Fprintf(&b, "What the dialect stands in for, and what its own settings mean: [Dialects](../dialects.md#%s).\n\n", name)
	fmt.Fprintf(&b, "```console\nwatchword serve --dialect %s\nwatchword dialect check --against URL --dialect %[1]s\n```\n\n", name)
	fmt.Fprintf(&b, "The second command compares a running original with what is answered here.\n\n## Routes\n\nUnder `%s`, where nothing else is set:\n\n", d.Profile.Prefix)
	plain := d.Profile.Patterns()
	writeRoutes(&b, plain, nil)
	sampled, err := dialect.ByName(name, dialect.Options{SampleRoutes: true})
	if err != nil {
		t.Fatal(err)
	}
	if all := sampled.Profile.Patterns(); len(all) > len(plain) {
		b.WriteString("\nWith `sample_routes = true` also:\n\n")
		writeRoutes(&b, all, plain)
	}
	b.WriteString("\n## Settings\n\nDurations are `\"5m\"` or seconds; `false` or `\"\"` stands for Python's None.\n\n| Setting | Default | May be |\n|---|---|---|\n")
	for _, s := range d.Settings {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, code(s.Default), s.Want)
	}
	b.WriteString("\n## Differences\n\nEvery answer that is not the original's, by the recorded exchange (a set-up of the original, and a name; `*` stands for any).\n\n| Exchange | What | Our answer | Reason | Row |\n|---|---|---|---|---|\n")
	listed, err := dialect.Differences(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range listed {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(l.Exchange), l.What, answer(l), l.Reason, l.Row)
	}
	return b.String()
}

// writeRoutes lists routes, one path a line, but those of without.
func writeRoutes(b *strings.Builder, patterns, without []string) {
	b.WriteString("| Path | Methods |\n|---|---|\n")
	known := make(map[string]bool)
	for _, p := range without {
		known[p] = true
	}
	var paths []string
	methods := make(map[string][]string)
	for _, p := range patterns {
		method, path, _ := strings.Cut(p, " ")
		if known[p] {
			continue
		}
		if methods[path] == nil {
			paths = append(paths, path)
		}
		methods[path] = append(methods[path], method)
	}
	for _, path := range paths {
		fmt.Fprintf(b, "| `%s` | %s |\n", path, strings.Join(methods[path], ", "))
	}
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

func answer(d dialect.Difference) string {
	switch d.Answer {
	case "":
		return "none"
	case "*":
		return "varies"
	case "<nil>":
		return "absent"
	case "[]interface {}{}":
		return code("[]")
	default:
		return code(d.Answer)
	}
}
