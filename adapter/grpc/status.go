package grpcauth

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/watchword-auth/watchword"
)

// refused is a policy's error. One without a code is a refusal, not a fault
// of ours.
func refused(err error) error {
	if watchword.CodeOf(err) == watchword.Internal {
		return fmt.Errorf("%w: %w", watchword.PermissionDenied, err)
	}
	return err
}

// refusal is what a client learns of an error: a status, and the name of the
// code as its message. The rest is for Report.
func refusal(err error) error {
	code := watchword.CodeOf(err)
	if code == watchword.Internal && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		code = watchword.Unavailable
	}
	return status.Error(statusOf(code), code.Error())
}

// statusOf is the gRPC status of a code: PermissionDenied where another token
// is needed than this one, which is good; Unauthenticated for all that is
// wrong with the token itself.
func statusOf(code watchword.Code) codes.Code {
	switch code {
	case watchword.Internal:
		return codes.Internal
	case watchword.Unavailable, watchword.RateLimited:
		return codes.Unavailable
	case watchword.InsufficientScope, watchword.PermissionDenied:
		return codes.PermissionDenied
	default:
		return codes.Unauthenticated
	}
}
