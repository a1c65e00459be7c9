// Package egress keeps calls to addresses that other people chose (webhooks, files to fetch) away from our own network:
// the defence against server-side request forgery.
//
// The check is made on the IP address at the moment of dialling, after every name is resolved, so a name that answers
// differently the second time (DNS rebinding) gains nothing. It knows special addresses by their published ranges and
// nothing of an operator's own public ones.
package egress

import (
	"errors"
	"net/netip"
	"syscall"
)

// ErrRefused says that an address is not on the public internet. Which address it was is withheld: whoever chose the
// name may not learn what it means inside our network.
var ErrRefused = errors.New("the address is not on the public internet; the setting allow_private would permit it")

// special are the ranges of the IANA special-purpose registries (RFC 6890 and its successors) that are not globally
// reachable, and those that carry an IPv4 address inside an IPv6 one, where a private address could hide.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("10.0.0.0/8"),      // private
	netip.MustParsePrefix("100.64.0.0/10"),   // carrier-grade NAT
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local, where clouds keep their metadata
	netip.MustParsePrefix("172.16.0.0/12"),   // private
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays, withdrawn
	netip.MustParsePrefix("192.168.0.0/16"),  // private
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("224.0.0.0/3"),     // multicast, reserved, broadcast
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4
	netip.MustParsePrefix("3fff::/20"),       // documentation
}

// global is the only part of IPv6 that is given out. Loopback, unique local, link-local, multicast, mapped and
// translated addresses all lie outside.
var global = netip.MustParsePrefix("2000::/3")

// Public tells whether a is an address on the public internet. An IPv4 address inside an IPv6 one (::ffff:0:0/96) is
// judged as the IPv4 address; an address with a zone is never public.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is6() && !global.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// Control is for net.Dialer: it fails with ErrRefused for every address that is not Public, and for every network but
// TCP.
func Control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return ErrRefused
	}
	a, err := netip.ParseAddrPort(address)
	if err != nil || !Public(a.Addr()) {
		return ErrRefused
	}
	return nil
}
