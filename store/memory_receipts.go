package store

import (
	"context"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
)

// ClaimReceipt keeps r where no receipt of its ID counts.
func (m *Memory) ClaimReceipt(_ context.Context, r watchword.Receipt, at time.Time) (watchword.Receipt, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if standing, ok := m.receipts[string(r.ID)]; ok && standing.Until.After(at) {
		return tidyReceipt(standing), false, nil
	}
	r = tidyReceipt(r)
	m.receipts[string(r.ID)] = r
	return tidyReceipt(r), true, nil
}

// SettleReceipt gives a receipt its answer.
func (m *Memory) SettleReceipt(_ context.Context, r watchword.Receipt) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	standing, ok := m.receipts[string(r.ID)]
	if !ok {
		return noReceipt()
	}
	r = tidyReceipt(r)
	standing.Answer, standing.Until = r.Answer, r.Until
	m.receipts[string(r.ID)] = standing
	return nil
}

// DropReceipt forgets a receipt.
func (m *Memory) DropReceipt(_ context.Context, id []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.receipts, string(id))
	return nil
}

// tidyReceipt returns a copy of r as it is kept.
func tidyReceipt(r watchword.Receipt) watchword.Receipt {
	return watchword.Receipt{ID: clone(r.ID), Mark: clone(r.Mark), Answer: clone(r.Answer), Until: stamp(r.Until)}
}

func noReceipt() error { return fmt.Errorf("%w: no such receipt", watchword.NotFound) }
