package move

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword"
)

// Run imports from the source into the store. Where it ends with an error the
// report counts what was done until then, and the next run goes on from there.
func Run(ctx context.Context, from Source, into Store, o Options) (*Report, error) {
	m := &mover{
		from: from, into: into, options: o, names: newNames(), census: census{classes: make(map[string]int)},
		groups: make(map[string]bool), permissions: make(map[string]bool),
		report: &Report{
			DryRun: o.DryRun, Source: from.Name(), LeftOut: []LeftOut{}, Differing: []Named{}, Unchecked: []Unchecked{}, LongLists: []Named{}, WithoutEmail: []Named{},
		},
	}
	err := m.run(ctx)
	m.report.Hashes = m.census.hashes
	m.report.Hashes.Classes = classes(m.census.classes)
	m.report.Groups, m.report.Permissions = len(m.groups), len(m.permissions)
	return m.report, err
}

// mover is one import.
type mover struct {
	from    Source
	into    Store
	options Options
	report  *Report

	names               *names
	census              census
	groups, permissions map[string]bool
	place               int // of the next person
}

func (m *mover) run(ctx context.Context) error {
	err := m.from.Names(ctx, func(key, login, email string) error {
		m.names.add(key, login, email)
		return ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("read names: %w", err)
	}
	// Tokens first: who is here can refresh, and nobody shall with one that
	// the old system refuses.
	if err := m.tokens(ctx); err != nil {
		return err
	}
	if err := m.skipIDs(ctx); err != nil {
		return err
	}
	return m.people(ctx)
}

// skipIDs keeps ids that the source has given to people who are gone from
// naming somebody who is added here: tokens of the old system bear them.
func (m *mover) skipIDs(ctx context.Context) error {
	last, err := m.from.LastID(ctx)
	if err != nil {
		return fmt.Errorf("read the last id: %w", err)
	}
	if last == 0 || m.options.DryRun {
		return nil
	}
	if err := m.into.SkipUserIDs(ctx, last); err != nil {
		return fmt.Errorf("skip ids: %w", err)
	}
	return nil
}

// people reads in one goroutine while the batch before is written in this one.
func (m *mover) people(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches := make(chan []*candidate, 2)
	var fault error // to be read once batches is closed
	go func() {
		defer close(batches)
		var batch []*candidate
		send := func() error {
			select {
			case batches <- batch:
				batch = nil
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		fault = m.from.People(ctx, func(p Person) error {
			batch = append(batch, newCandidate(p))
			if len(batch) < batchSize {
				return nil
			}
			return send()
		})
		if fault == nil && len(batch) > 0 {
			fault = send()
		}
	}()
	done := 0
	var err error
	for batch := range batches {
		if err == nil {
			err = m.batch(ctx, batch)
		}
		if err != nil {
			stop() // and take what is still under way
			continue
		}
		if done += len(batch); m.options.Progress != nil {
			m.options.Progress(done, m.names.count)
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("write users: %w", err)
	case fault != nil:
		return fmt.Errorf("read users: %w", fault)
	}
	return nil
}

// candidate is a person and what he is known again by.
type candidate struct {
	Person

	digest       []byte
	withoutEmail bool // his address is another's, and was dropped
}

func newCandidate(p Person) *candidate {
	p.settle()
	return &candidate{Person: p, digest: p.digest()}
}

func (c *candidate) imported() watchword.ImportedUser {
	return watchword.ImportedUser{
		NewUser: watchword.NewUser{User: c.User, PasswordHash: c.Hash}, Key: c.Key, Digest: c.digest,
	}
}

func (c *candidate) note(id string) watchword.Import {
	return watchword.Import{Key: c.Key, UserID: id, Digest: c.digest}
}

// batch decides upon some people and writes what was decided.
func (m *mover) batch(ctx context.Context, batch []*candidate) error {
	sound := make([]*candidate, 0, len(batch))
	for _, c := range batch {
		if m.sound(c) {
			sound = append(sound, c)
		}
	}
	users := make([]watchword.ImportedUser, len(sound))
	for i, c := range sound {
		users[i] = c.imported()
	}
	matches, err := m.into.MatchImports(ctx, m.from.Name(), users)
	if err != nil {
		return err
	}
	var added []*candidate
	var notes []watchword.Import
	for i, c := range sound {
		verdict := m.judge(c, &matches[i])
		if c.withoutEmail && (verdict == toAdd || verdict == toUpdate) {
			m.report.Users.WithoutEmail++
			note(&m.report.WithoutEmail, named(c.Person))
		}
		switch verdict {
		case toAdd:
			added = append(added, c)
		case toNote:
			notes = append(notes, c.note(matches[i].User.ID))
		case toUpdate:
			done, err := m.update(ctx, c, &matches[i])
			if err != nil {
				return err
			}
			if done {
				notes = append(notes, c.note(matches[i].User.ID))
			}
		case toLeave:
		}
	}
	if err := m.add(ctx, added); err != nil {
		return err
	}
	if len(notes) == 0 || m.options.DryRun {
		return nil
	}
	return m.into.NoteImports(ctx, m.from.Name(), notes)
}

// sound counts the person and reports whether the source itself does not
// speak against him.
func (m *mover) sound(c *candidate) bool {
	place := m.place
	m.place++
	m.report.Users.Read++
	switch {
	case c.Fault != "":
		return m.leaveOut(c, cmp.Or(c.Kind, BadRow), c.Fault)
	case m.names.keyTwice(place, c.Key):
		return m.leaveOut(c, KeyTwice, "somebody before has the same id, or without one the same login")
	case m.names.loginTwice(place, c.Login):
		return m.leaveOut(c, LoginTwice, "somebody else there has the same login, in this or another case")
	}
	if kind := m.names.emailTaken(place, c.Email); kind != "" {
		why := "somebody else there has the same e-mail address"
		if kind == EmailIsLogin {
			why = "the e-mail address is somebody else's login there"
		}
		return m.withoutEmail(c, kind, why)
	}
	return true
}

// withoutEmail decides what becomes of somebody whose address is another's,
// and reports whether he goes on without it.
func (m *mover) withoutEmail(c *candidate, kind, why string) bool {
	if !m.options.DropEmails {
		return m.leaveOut(c, kind, why)
	}
	c.Email, c.withoutEmail = "", true
	return true
}

// leaveOut names somebody who is not taken over. It returns false.
func (m *mover) leaveOut(c *candidate, kind, why string) bool {
	m.report.Users.LeftOut++
	note(&m.report.LeftOut, LeftOut{Named: named(c.Person), Kind: kind, Why: why})
	return false
}

// verdict is what is to be done with somebody.
type verdict uint8

const (
	toLeave verdict = iota
	toAdd
	toNote // he is here: remember that
	toUpdate
)

// judge decides by what is here.
func (m *mover) judge(c *candidate, match *watchword.ImportMatch) verdict {
	users := &m.report.Users
	m.count(c)
	known := match.Known.Key != ""
	switch {
	case known && match.User.ID == "":
		users.Deleted++
		return toLeave
	case known && bytes.Equal(match.Known.Digest, c.digest):
		users.Same++
		return toLeave
	case !known && match.Gone:
		m.leaveOut(c, IDGone, "the id was of a user who was deleted here, and is never used again")
		return toLeave
	case !known && match.User.ID != "" && watchword.FoldLogin(match.User.Login) != watchword.FoldLogin(c.Login):
		m.leaveOut(c, IDTaken, fmt.Sprintf("the id is that of %q here", match.User.Login))
		return toLeave
	}
	// From here on he is the user of the match, or nobody yet.
	if id := match.LoginOf; id != "" && id != match.User.ID {
		m.leaveOut(c, LoginTaken, "the login is that of user "+id+" here, or his e-mail address")
		return toLeave
	}
	if id := match.EmailOf; id != "" && id != match.User.ID {
		if !m.withoutEmail(c, EmailTaken, "the e-mail address is that of user "+id+" here, or his login") {
			return toLeave
		}
	}
	switch {
	case match.User.ID == "":
		return toAdd
	case !known && c.equals(match.User, match.PasswordHash):
		users.Same++
		return toNote
	case !m.options.Update:
		users.Differing++
		note(&m.report.Differing, named(c.Person))
		return toLeave
	}
	return toUpdate
}

// count looks at what the person brings along.
func (m *mover) count(c *candidate) {
	m.census.take(&c.Person, m.report)
	if c.Cleaned {
		m.report.Users.Cleaned++
	}
	size := 0
	for _, g := range c.Groups {
		m.groups[g] = true
		size += len(g)
	}
	for _, p := range c.Permissions {
		m.permissions[p] = true
		size += len(p)
	}
	for _, s := range c.Scopes {
		size += len(s)
	}
	if size > longLists {
		m.report.Users.LongLists++
		note(&m.report.LongLists, named(c.Person))
	}
}

// longLists is from how many bytes on a user's rights are named as long:
// tokens carry them, browsers keep cookies of 4 KiB, and many servers take
// headers of 8 KiB.
const longLists = 2 << 10

// update changes the user to what the source has by now, and reports whether
// he was.
func (m *mover) update(ctx context.Context, c *candidate, match *watchword.ImportMatch) (bool, error) {
	password := !samePassword(match.Known.Digest, c.digest)
	change := c.change(match.User, match.PasswordHash, password)
	if change != (watchword.UserChange{}) && !m.options.DryRun {
		_, err := m.into.UpdateUser(ctx, match.User.ID, change, 0, m.options.Until, m.options.Now)
		if errors.Is(err, watchword.Conflict) || errors.Is(err, watchword.NotFound) {
			return m.leaveOut(c, Meanwhile, takenMeanwhile), nil
		}
		if err != nil {
			return false, fmt.Errorf("change user %s: %w", match.User.ID, err)
		}
	}
	m.report.Users.Updated++
	return true, nil
}

const takenMeanwhile = "id, login or e-mail address was taken while the import ran"

// add brings in new people, all at once. Where somebody else has taken a name
// between the look and the write, they come one by one, and only who is
// concerned is left out.
func (m *mover) add(ctx context.Context, people []*candidate) error {
	users := make([]watchword.ImportedUser, len(people))
	for i, c := range people {
		users[i] = c.imported()
	}
	if len(people) == 0 || m.options.DryRun {
		m.report.Users.Added += len(people)
		return nil
	}
	_, err := m.into.ImportUsers(ctx, m.from.Name(), users)
	if err == nil {
		m.report.Users.Added += len(people)
		return nil
	}
	if !errors.Is(err, watchword.Conflict) {
		return err
	}
	for i, c := range people {
		_, err := m.into.ImportUsers(ctx, m.from.Name(), users[i:i+1])
		switch {
		case errors.Is(err, watchword.Conflict):
			m.leaveOut(c, Meanwhile, takenMeanwhile)
		case err != nil:
			return err
		default:
			m.report.Users.Added++
		}
	}
	return nil
}
