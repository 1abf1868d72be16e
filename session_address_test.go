package watchword_test

import (
	"net/netip"
	"testing"

	"github.com/watchword-auth/watchword"
)

func TestSessionAddress(t *testing.T) {
	for _, tt := range []struct {
		name    string
		form    watchword.AddressForm
		address string
		want    string
	}{
		{"IPv4, by default", watchword.AddressTruncated, "192.0.2.77", "192.0.2.0/24"},
		{"IPv6, by default", watchword.AddressTruncated, "2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"},
		{"IPv4 in IPv6", watchword.AddressTruncated, "::ffff:192.0.2.77", "192.0.2.0/24"},
		{"with a zone", watchword.AddressTruncated, "fe80::1%eth0", "fe80::/48"},
		{"unknown", watchword.AddressTruncated, "", ""},
		{"full", watchword.AddressFull, "192.0.2.77", "192.0.2.77"},
		{"none", watchword.AddressNone, "192.0.2.77", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, func(c *watchword.Config) { c.SessionAddress = tt.form })
			r := watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPassword}}
			if tt.address != "" {
				r.Client.Address = netip.MustParseAddr(tt.address)
			}
			tokens, err := b.SignIn(ctx, r)
			want(t, "SignIn", err, fine)
			list, err := b.Sessions(ctx, tokens.Claims)
			if err != nil || len(list) != 1 || list[0].Address != tt.want {
				t.Errorf("Sessions = %+v, %v, want the address %q", list, err, tt.want)
			}
			if e := b.events[0]; e.Client.Address != r.Client.Address {
				t.Errorf("observers hear of %v, want the whole address", e.Client.Address)
			}
		})
	}
}
