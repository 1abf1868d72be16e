package remote

import (
	"fmt"
	"io"
	"log/slog"
)

// What holds the secret of the machine client does not print it, by whatever
// verb or handler.

// String names the authority.
func (c Config) String() string { return "authority at " + c.URL }

// Format writes String for every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue names the authority.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes the authority's address and nothing else.
func (c Config) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", c.URL), nil }

// String names the authority.
func (c *Client) String() string { return "service of the " + c.c.String() }

// Format writes String for every verb.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue names the authority.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
