package gate

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// Rule says what requests for a path, and for everything below it, need. Of
// several the one with the longest path counts; of two with one path the one
// that names the method. Where rules name methods and none the request's, it
// is refused: a rule for GET is no permission to DELETE.
type Rule struct {
	// Path begins with a slash; a last one makes no difference.
	Path string
	// Methods in capitals; none: all. GET stands for HEAD too.
	Methods []string
	// Public asks for nothing. A good token is passed on all the same.
	Public bool
	// Scopes and Permissions are all needed; none: any good token will do.
	Scopes      []string
	Permissions []string
}

func (r Rule) policies() []watchword.Policy {
	var p []watchword.Policy
	if len(r.Scopes) > 0 {
		p = append(p, watchword.Scope(r.Scopes...))
	}
	if len(r.Permissions) > 0 {
		p = append(p, watchword.Permission(r.Permissions...))
	}
	return p
}

// place is a path and the rules for it.
type place struct {
	segments []string
	rules    []Rule
}

// rules are the places, those with the longest paths first.
type rules []place

// CheckRules reports every fault of the rules, as New does, so that they can be
// told together with those of the other settings.
func CheckRules(list []Rule) error {
	_, err := makeRules(list)
	return err
}

// makeRules checks the rules and reports every fault.
func makeRules(list []Rule) (rules, error) {
	var all rules
	var faults []error
	for _, r := range list {
		t, err := readURI((&url.URL{Path: r.Path}).EscapedPath())
		if err != nil {
			faults = append(faults, fmt.Errorf("gate: rule %q: want a path such as /admin, in its simplest form", r.Path))
			continue
		}
		if err := r.check(); err != nil {
			faults = append(faults, fmt.Errorf("gate: rule %s: %w", r.Path, err))
		}
		i := slices.IndexFunc(all, func(p place) bool { return slices.EqualFunc(p.segments, t.segments, strings.EqualFold) })
		if i < 0 {
			i = len(all)
			all = append(all, place{segments: t.segments})
		}
		if !slices.Equal(all[i].segments, t.segments) {
			faults = append(faults, fmt.Errorf("gate: rule %s: another rule's path differs in case alone", r.Path))
		}
		for _, other := range all[i].rules {
			if overlap(r, other) {
				faults = append(faults, fmt.Errorf("gate: rule %s: two rules for one method", r.Path))
			}
		}
		all[i].rules = append(all[i].rules, r)
	}
	slices.SortStableFunc(all, func(a, b place) int { return cmp.Compare(len(b.segments), len(a.segments)) })
	return all, errors.Join(faults...)
}

func (r Rule) check() error {
	if r.Public && len(r.Scopes)+len(r.Permissions) > 0 {
		return errors.New("public, and yet it asks for scopes or permissions")
	}
	for _, m := range r.Methods {
		if err := checkMethod(m); err != nil {
			return err
		}
	}
	return nil
}

func overlap(a, b Rule) bool {
	if len(a.Methods) == 0 || len(b.Methods) == 0 {
		return len(a.Methods) == len(b.Methods)
	}
	return slices.ContainsFunc(a.Methods, func(m string) bool { return slices.Contains(b.Methods, m) })
}

// find returns the rule for a request. Frameworks differ in whether they tell
// /Admin from /admin: where that would choose another rule, the request is
// refused.
func (all rules) find(t target) (Rule, error) {
	exact := all.at(t, func(a, b string) bool { return a == b })
	if folded := all.at(t, strings.EqualFold); folded != exact {
		return Rule{}, ambiguous("path %q is one of a rule in another case", t.path)
	}
	if exact == nil {
		return Rule{}, nil
	}
	return exact.rule(t.method)
}

// at returns the place with the longest path that the request is at or below.
func (all rules) at(t target, same func(a, b string) bool) *place {
	for i, p := range all {
		if len(t.segments) >= len(p.segments) && slices.EqualFunc(t.segments[:len(p.segments)], p.segments, same) {
			return &all[i]
		}
	}
	return nil
}

func (p *place) rule(method string) (Rule, error) {
	if method == "HEAD" {
		method = "GET"
	}
	for _, r := range p.rules {
		if slices.Contains(r.Methods, method) {
			return r, nil
		}
	}
	for _, r := range p.rules {
		if len(r.Methods) == 0 {
			return r, nil
		}
	}
	return Rule{}, fmt.Errorf("%w: no rule for %s", watchword.PermissionDenied, method)
}
