package password

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// These tests look inside the package because real hashes take time that a bubble's clock does not see.

func TestSlotsServeInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1, time.Minute)
		first, err := s.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var served []int
		for i := range 5 {
			go func() {
				release, err := s.take(t.Context())
				if err != nil {
					t.Errorf("take of %d = %v, want nil", i, err)
					return
				}
				served = append(served, i)
				time.Sleep(time.Second)
				release()
			}()
			synctest.Wait() // i waits before i+1 comes
		}
		first()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if want := []int{0, 1, 2, 3, 4}; !slices.Equal(served, want) {
			t.Errorf("served %v, want %v", served, want)
		}
	})
}

func TestSlotsBoundWhatRunsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(3, time.Hour)
		var running, most, done atomic.Int64
		for range 100 {
			go func() {
				release, err := s.take(t.Context())
				if err != nil {
					t.Errorf("take = %v, want nil", err)
					return
				}
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(time.Second)
				running.Add(-1)
				release()
				done.Add(1)
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if most.Load() != 3 || done.Load() != 100 {
			t.Errorf("%d at once, %d done, want 3 and 100", most.Load(), done.Load())
		}
	})
}

func TestSlotsRefuseAfterTheWait(t *testing.T) {
	tests := []struct{ wait, retryAfter time.Duration }{
		{2 * time.Second, 2 * time.Second},
		{1500 * time.Millisecond, 2 * time.Second},
		{time.Millisecond, time.Second},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := newSlots(1, tt.wait)
			release, err := s.take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err = s.take(t.Context())
			var busy *BusyError
			if !errors.As(err, &busy) || !errors.Is(err, ErrBusy) || busy.RetryAfter != tt.retryAfter {
				t.Errorf("take = %v, want a BusyError with %v", err, tt.retryAfter)
			}
			if waited := time.Since(start); waited != tt.wait {
				t.Errorf("waited %v, want %v", waited, tt.wait)
			}
			release()
			if release, err = s.take(t.Context()); err != nil {
				t.Errorf("take of a free slot = %v, want nil", err)
			} else {
				release()
			}
		})
	}
}

func TestSlotsLetTheContextEndTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1, time.Hour)
		release, err := s.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("take = %v, want DeadlineExceeded", err)
		}
		release()
		if len(s.held) != 0 {
			t.Errorf("%d slots held after all were released", len(s.held))
		}
	})
}

// TestHasherRefusesWhenBusy: every verb that hashes goes through the slots, and nothing else does.
func TestHasherRefusesWhenBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(Config{Preferred: Params{Memory: 64, Time: 1}, Concurrent: 1})
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := h.Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		release, err := h.slots.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Hash(t.Context(), "correct horse"); !errors.Is(err, ErrBusy) {
			t.Errorf("Hash = %v, want ErrBusy", err)
		}
		if err := h.Verify(t.Context(), "correct horse", encoded); !errors.Is(err, ErrBusy) {
			t.Errorf("Verify = %v, want ErrBusy", err)
		}
		if err := h.Dummy(t.Context(), "correct horse"); !errors.Is(err, ErrBusy) {
			t.Errorf("Dummy = %v, want ErrBusy", err)
		}
		if err := h.Verify(t.Context(), "correct horse", "nonsense"); !errors.Is(err, ErrUnsupported) {
			t.Errorf("Verify of nonsense = %v, want ErrUnsupported", err)
		}
		release()
		if err := h.Verify(t.Context(), "correct horse", encoded); err != nil {
			t.Errorf("Verify = %v, want nil", err)
		}
	})
}
