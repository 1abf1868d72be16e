package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionCommand) Help() string {
	return "Example:\n  source <(watchword completion bash)\n  watchword completion fish > ~/.config/fish/completions/watchword.fish"
}

// Run prints the completions, made from the commands as they are.
func (c *completionCommand) Run(a *app) error {
	words := completions(a.model.Node)
	var text string
	switch c.Shell {
	case "bash":
		text = bashCompletion(words)
	case "zsh":
		text = "#compdef watchword\nautoload -U +X bashcompinit && bashcompinit\n" + bashCompletion(words)
	default:
		text = fishCompletion(words)
	}
	return a.printf("%s", text)
}

// completed is a command with what may stand after it.
type completed struct {
	path  string // "user add"; "" for the program itself
	words []word // verbs below it, then flags
}

type word struct {
	text, help string
}

// completions walks the commands, outer ones first.
func completions(n *kong.Node) []completed {
	var all []completed
	var walk func(n *kong.Node, path []string)
	walk = func(n *kong.Node, path []string) {
		c := completed{path: strings.Join(path, " ")}
		for _, child := range n.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				c.words = append(c.words, word{child.Name, child.Help})
			}
		}
		for _, group := range n.AllFlags(true) {
			for _, flag := range group {
				c.words = append(c.words, word{"--" + flag.Name, flag.Help})
			}
		}
		all = append(all, c)
		for _, child := range n.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				walk(child, append(slices.Clone(path), child.Name))
			}
		}
	}
	walk(n, nil)
	return all
}

// bashCompletion looks for the longest command in the line and offers what
// may stand after it; elsewhere files.
func bashCompletion(all []completed) string {
	var b strings.Builder
	b.WriteString("_watchword() {\n\tlocal path= word words\n\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase \"$path $word\" in\n")
	for _, c := range all {
		if c.path != "" {
			fmt.Fprintf(&b, "\t\t\" %s\") path=\" %s\" ;;\n", c.path, c.path)
		}
	}
	b.WriteString("\t\tesac\n\tdone\n\tcase \"$path\" in\n")
	for _, c := range all {
		var texts []string
		for _, w := range c.words {
			texts = append(texts, w.text)
		}
		path := ""
		if c.path != "" {
			path = " " + c.path
		}
		fmt.Fprintf(&b, "\t\"%s\") words=\"%s\" ;;\n", path, strings.Join(texts, " "))
	}
	b.WriteString("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _watchword watchword\n")
	return b.String()
}

func fishCompletion(all []completed) string {
	var b strings.Builder
	b.WriteString("complete -c watchword -e\n")
	for _, c := range all {
		condition := "__fish_use_subcommand"
		if c.path != "" {
			var seen []string
			for name := range strings.FieldsSeq(c.path) {
				seen = append(seen, "__fish_seen_subcommand_from "+name)
			}
			condition = strings.Join(seen, "; and ")
		}
		for _, w := range c.words {
			option := "-f -a " + quoted(w.text)
			if name, isFlag := strings.CutPrefix(w.text, "--"); isFlag {
				option = "-l " + name
			}
			fmt.Fprintf(&b, "complete -c watchword -n '%s' %s -d %s\n", condition, option, quoted(w.help))
		}
	}
	return b.String()
}

// quoted is text in single quotes, as fish reads them.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
