package examples_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/examples/internal/run"
	"github.com/watchword-auth/watchword/httpauth"
)

// page returns a page of the documentation.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(run.Root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestErrorTable holds docs/api.md to the one table of refusals.
func TestErrorTable(t *testing.T) {
	api := page(t, "docs/api.md")
	cell := func(p httpauth.Problem) string {
		if p.OAuth == "" {
			return fmt.Sprint(p.Status)
		}
		return fmt.Sprintf("%d `%s`", p.Status, p.OAuth)
	}
	for _, code := range watchword.Codes() {
		row := fmt.Sprintf("| `%s` | %s | %s |\n", code.Error(),
			cell(httpauth.ProblemOf(code, httpauth.TokenEndpoint)), cell(httpauth.ProblemOf(code, httpauth.Guarded)))
		if !strings.Contains(api, row) {
			t.Errorf("docs/api.md lacks the row\n%s", row)
		}
	}
}

// TestConfiguration holds docs/configuration.md to the settings there are.
func TestConfiguration(t *testing.T) {
	configuration := page(t, "docs/configuration.md")
	m := regexp.MustCompile("(?s)<!-- tested: config -->\n```toml\n(.*?)```").FindStringSubmatch(configuration)
	if m == nil {
		t.Fatal("docs/configuration.md has no tested file")
	}
	file := filepath.Join(t.TempDir(), "watchword.toml")
	if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := run.Watchword(t)
	printed, err := exec.CommandContext(t.Context(), bin, "serve", "--print-config", "--config", file).CombinedOutput()
	if err != nil {
		t.Fatalf("the file in docs/configuration.md is refused: %v\n%s", err, printed)
	}
	for _, key := range regexp.MustCompile(`(?m)^(?:# )?([a-z_]+)(?: =| is not set)`).FindAllSubmatch(printed, -1) {
		if !regexp.MustCompile(`(?m)^(# )?` + string(key[1]) + ` += `).MatchString(m[1]) {
			t.Errorf("docs/configuration.md does not tell of %s", key[1])
		}
	}
}

// TestCommands holds docs/commands.md to the commands there are.
func TestCommands(t *testing.T) {
	commands := page(t, "docs/commands.md")
	help, err := exec.CommandContext(t.Context(), run.Watchword(t), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(help), "\nCommands:\n")
	if !ok {
		t.Fatalf("--help lists no commands: %s", help)
	}
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?)  `).FindAllStringSubmatch(list, -1) {
		if !regexp.MustCompile("`" + m[1] + "[ `]").MatchString(commands) {
			t.Errorf("docs/commands.md does not tell of %s", m[1])
		}
	}
}

// TestDialects wants every dialect on its page; TestComingFrom wants it in
// the README.
func TestDialects(t *testing.T) {
	for _, name := range dialect.Names() {
		if !strings.Contains(page(t, "docs/dialects.md"), "\n## "+name+"\n") {
			t.Errorf("docs/dialects.md has no section %s", name)
		}
	}
}

// TestLinks wants what a page links to within the repository to be there.
func TestLinks(t *testing.T) {
	root := run.Root(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code := regexp.MustCompile("(?ms)^```.*?^```")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && file != root) {
			return filepath.SkipDir
		}
		if filepath.Ext(file) != ".md" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			there := file
			if target != "" {
				there = filepath.Join(filepath.Dir(file), filepath.FromSlash(target))
			}
			if _, err := os.Stat(there); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
				continue
			}
			if anchor != "" && !hasHeading(t, there, anchor) {
				t.Errorf("%s links to %s, which has no such heading", file, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hasHeading reports whether a page has a heading that GitHub gives that
// anchor.
func hasHeading(t *testing.T, file, anchor string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		plain := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(plain, " ", "-") == anchor {
			return true
		}
	}
	return false
}
