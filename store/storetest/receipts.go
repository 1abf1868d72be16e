package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// Receipts is the contract of [watchword.Receipts].
func Receipts(t *testing.T, open Open) {
	check(t, open, []contract{
		{
			"a receipt is claimed once", "Whoever comes second is told what stands, answered or not.",
			receiptIsClaimedOnce,
		}, {
			"receipts are forgotten", "A receipt past its time, or dropped, counts no longer, and purging removes it.",
			receiptsAreForgotten,
		}, {
			"one of many claims succeeds", "Of claims at the same moment exactly one succeeds, in other processes too.",
			receiptsRace,
		},
	})
}

func receipt(id string) watchword.Receipt {
	return watchword.Receipt{ID: []byte(id), Mark: []byte{0, 1, 0xff}, Until: until}
}

func claim(t *testing.T, s watchword.Receipts, r watchword.Receipt, at time.Time, want bool) watchword.Receipt {
	t.Helper()
	standing, claimed, err := s.ClaimReceipt(t.Context(), r, at)
	if err != nil || claimed != want {
		t.Fatalf("ClaimReceipt(%s) = claimed %v, %v, want %v", r.ID, claimed, err, want)
	}
	return standing
}

func receiptIsClaimedOnce(t *testing.T, in Instance) {
	s := need[watchword.Receipts](t, in.Store)
	first := receipt("a")
	wantEqual(t, "claimed", claim(t, s, first, base, true), first)
	other := receipt("a")
	other.Mark = []byte("another request")
	wantEqual(t, "under way", claim(t, s, other, base, false), first)
	first.Answer, first.Until = []byte("done"), until.Add(time.Hour)
	if err := s.SettleReceipt(t.Context(), watchword.Receipt{ID: first.ID, Answer: first.Answer, Until: first.Until}); err != nil {
		t.Fatalf("SettleReceipt: %v", err)
	}
	wantEqual(t, "settled", claim(t, s, other, until.Add(time.Minute), false), first)
	claim(t, s, receipt("b"), base, true)
	wantCode(t, "SettleReceipt of none", s.SettleReceipt(t.Context(), receipt("c")), watchword.NotFound)
	if in.Again != nil {
		wantEqual(t, "in another process", claim(t, need[watchword.Receipts](t, in.Again(t)), other, base, false), first)
	}
}

func receiptsAreForgotten(t *testing.T, in Instance) {
	s := need[watchword.Receipts](t, in.Store)
	p := need[watchword.Purger](t, in.Store)
	claim(t, s, receipt("a"), base, true)
	claim(t, s, receipt("a"), until.Add(-time.Microsecond), false)
	later := receipt("a")
	later.Until = until.Add(time.Hour)
	wantEqual(t, "after its time", claim(t, s, later, until, true), later)
	for range 2 { // there is none the second time
		if err := s.DropReceipt(t.Context(), later.ID); err != nil {
			t.Fatalf("DropReceipt: %v", err)
		}
	}
	claim(t, s, later, base, true)
	claim(t, s, receipt("b"), base, true)
	if n, err := p.Purge(t.Context(), until, base, base); n != 1 || err != nil {
		t.Fatalf("Purge = %d, %v, want 1", n, err)
	}
	wantCode(t, "SettleReceipt of a purged one", s.SettleReceipt(t.Context(), receipt("b")), watchword.NotFound)
	claim(t, s, later, base, false)
}

func receiptsRace(t *testing.T, in Instance) {
	stores := []watchword.Receipts{need[watchword.Receipts](t, in.Store)}
	if in.Again != nil {
		stores = append(stores, need[watchword.Receipts](t, in.Again(t)))
	}
	var claims sync.WaitGroup
	var won atomic.Int64
	for i := range 16 {
		claims.Go(func() {
			_, claimed, err := stores[i%len(stores)].ClaimReceipt(t.Context(), receipt("a"), base)
			if err != nil {
				t.Errorf("ClaimReceipt: %v", err)
			}
			if claimed {
				won.Add(1)
			}
		})
	}
	claims.Wait()
	if won.Load() != 1 {
		t.Errorf("%d claims succeeded, want 1", won.Load())
	}
}
