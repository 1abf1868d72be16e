package watchword

import "net/netip"

// AddressForm says how much of an address sessions keep. It is decided when
// the session is opened: what is not written down cannot be shown later. The
// limiter and the audit log see the whole address.
type AddressForm uint8

// The forms of an address.
const (
	// AddressTruncated keeps the network: 192.0.2.0/24, 2001:db8:1::/48.
	AddressTruncated AddressForm = iota
	AddressFull
	AddressNone
)

// shorten returns the text of an address in the form; text that is no address
// is dropped unless the form keeps all.
func (f AddressForm) shorten(text string) string {
	if f == AddressFull {
		return text
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || f != AddressTruncated {
		return ""
	}
	return network(ip, 24, 48).String()
}

// network returns the network of an address, v4 or v6 bits long.
func network(ip netip.Addr, v4, v6 int) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := v4
	if ip.Is6() {
		bits = v6
	}
	return netip.PrefixFrom(ip, bits).Masked()
}
