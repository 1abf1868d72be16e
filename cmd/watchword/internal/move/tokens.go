package move

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
)

// factPage is how many facts are read at a time.
const factPage = 10_000

// writers is how many facts are handed to the store at once, which commits
// together what waits together.
const writers = 64

// tokens makes facts of the tokens that the source refuses, so that they are
// refused here too: where refresh tokens of the old system are adopted, and
// wherever its key verifies. Those expired need none.
func (m *mover) tokens(ctx context.Context) error {
	here, err := m.refused(ctx)
	if err != nil {
		return fmt.Errorf("read what is refused here: %w", err)
	}
	var facts []watchword.Fact
	counts := &m.report.Blacklist
	err = m.from.Tokens(ctx, func(t Token) error {
		counts.Rows++
		expires := t.Expires
		if expires.IsZero() {
			expires = m.options.Now.Add(forever)
		}
		if t.ID == "" || !expires.Add(tokenLeeway).After(m.options.Now) {
			return ctx.Err()
		}
		counts.Live++
		if until, ok := here[t.ID]; ok && (t.Expires.IsZero() || !until.Before(expires)) {
			return ctx.Err()
		}
		until := expires.Add(tokenLeeway)
		counts.Added++
		for _, id := range []string{t.ID, t.Hex} {
			if id != "" {
				here[id] = until // it may be in two tables
				facts = append(facts, watchword.Fact{Kind: watchword.TokenFact, ID: id, Until: until})
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("read the blacklist: %w", err)
	}
	if m.options.DryRun {
		return nil
	}
	if err := m.addFacts(ctx, facts); err != nil {
		return fmt.Errorf("write the blacklist: %w", err)
	}
	return nil
}

// refused returns until when each token is refused here.
func (m *mover) refused(ctx context.Context) (map[string]time.Time, error) {
	here := make(map[string]time.Time)
	for c := (watchword.Cursor{}); ; {
		facts, next, err := m.into.FactsSince(ctx, c, m.options.Now, factPage)
		if err != nil {
			return nil, err
		}
		for _, f := range facts {
			if f.Kind == watchword.TokenFact && here[f.ID].Before(f.Until) {
				here[f.ID] = f.Until
			}
		}
		if next == c {
			return here, nil
		}
		c = next
	}
}

func (m *mover) addFacts(ctx context.Context, facts []watchword.Fact) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	queue := make(chan watchword.Fact)
	var wg sync.WaitGroup
	var once sync.Once
	var fault error // of the first that failed; to be read after Wait
	for range min(writers, len(facts)) {
		wg.Go(func() {
			for f := range queue {
				if _, err := m.into.AddFact(ctx, f); err != nil {
					once.Do(func() {
						fault = err
						stop()
					})
				}
			}
		})
	}
	for _, f := range facts {
		select {
		case queue <- f:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	wg.Wait()
	if fault != nil {
		return fault
	}
	return ctx.Err()
}
