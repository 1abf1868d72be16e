package watchword

import (
	"context"
	"time"
)

// Receipt is the answer to a request that must not be carried out twice, for
// a client that does not know whether it was. It is kept under an ID made from
// the key that the client chose for the request.
type Receipt struct {
	ID []byte
	// Mark recognises the request: another one under the same key is a
	// mistake. It tells nothing of what was in the request.
	Mark []byte
	// Answer is sealed by its maker; nil while the request is under way.
	Answer []byte
	// Until is when the receipt is forgotten.
	Until time.Time
}

// Receipts keeps receipts. A Purger removes those that are past their Until.
type Receipts interface {
	// ClaimReceipt keeps r where no receipt of its ID counts at at, and
	// returns claimed; else it returns the one that stands. Of two claims at
	// once one succeeds.
	ClaimReceipt(ctx context.Context, r Receipt, at time.Time) (standing Receipt, claimed bool, err error)
	// SettleReceipt gives the receipt of r's ID r's Answer and Until. It
	// returns NotFound where there is none.
	SettleReceipt(ctx context.Context, r Receipt) error
	// DropReceipt forgets the receipt, so that the request may be made again.
	// That there is none is no error.
	DropReceipt(ctx context.Context, id []byte) error
}
