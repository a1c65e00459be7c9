package egress_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"switchboard/internal/transport/egress"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8":                  true,
		"1.1.1.1":                  true,
		"99.255.255.255":           true,
		"100.128.0.1":              true,
		"172.15.255.255":           true,
		"172.32.0.0":               true,
		"223.255.255.255":          true,
		"2606:4700:4700::1111":     true,
		"2a00:1450:4001:82a::200e": true,
		"::ffff:8.8.8.8":           true,

		"0.0.0.0":                false,
		"0.1.2.3":                false,
		"10.0.0.1":               false,
		"100.64.0.1":             false,
		"127.0.0.1":              false,
		"127.255.255.254":        false,
		"169.254.169.254":        false,
		"172.16.0.1":             false,
		"172.31.255.255":         false,
		"192.0.0.8":              false,
		"192.0.2.1":              false,
		"192.168.1.1":            false,
		"198.18.0.1":             false,
		"198.19.255.255":         false,
		"224.0.0.1":              false,
		"239.255.255.250":        false,
		"240.0.0.1":              false,
		"255.255.255.255":        false,
		"::":                     false,
		"::1":                    false,
		"::127.0.0.1":            false,
		"::ffff:127.0.0.1":       false,
		"::ffff:10.0.0.1":        false,
		"::ffff:169.254.169.254": false,
		"64:ff9b::7f00:1":        false,
		"64:ff9b::808:808":       false,
		"64:ff9b:1::1":           false,
		"100::1":                 false,
		"2001::1":                false,
		"2001:db8::1":            false,
		"2002:7f00:1::":          false,
		"2002:808:808::":         false,
		"3fff::1":                false,
		"fc00::1":                false,
		"fd12:3456::1":           false,
		"fe80::1":                false,
		"fe80::1%eth0":           false,
		"2606:4700::1%eth0":      false,
		"fec0::1":                false,
		"ff02::1":                false,
	} {
		if got := egress.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v", text, got)
		}
	}
	if egress.Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestControl(t *testing.T) {
	for _, c := range []struct {
		network, address string
		want             error
	}{
		{"tcp4", "8.8.8.8:443", nil},
		{"tcp6", "[2606:4700:4700::1111]:443", nil},
		{"tcp4", "10.0.0.1:443", egress.ErrRefused},
		{"tcp6", "[::1]:443", egress.ErrRefused},
		{"tcp6", "[fe80::1%eth0]:443", egress.ErrRefused},
		{"udp4", "8.8.8.8:53", egress.ErrRefused},
		{"unix", "/run/docker.sock", egress.ErrRefused},
		{"tcp4", "example.com:443", egress.ErrRefused},
		{"tcp4", "", egress.ErrRefused},
	} {
		if got := egress.Control(c.network, c.address, nil); !errors.Is(got, c.want) {
			t.Errorf("Control(%s, %s) = %v", c.network, c.address, got)
		}
	}
}

// A name is judged by what it resolves to when it is dialled, however it is written.
func TestControl_inADialer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	dialer := net.Dialer{Control: egress.Control}
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1", "0.0.0.0"} {
		conn, err := dialer.DialContext(context.Background(), "tcp", net.JoinHostPort(host, port))
		if err == nil {
			_ = conn.Close()
		}
		if !errors.Is(err, egress.ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func FuzzControl(f *testing.F) {
	f.Add("tcp4", "127.0.0.1:80")
	f.Add("tcp6", "[::ffff:127.0.0.1]:80")
	f.Fuzz(func(t *testing.T, network, address string) {
		if egress.Control(network, address, nil) != nil {
			return
		}
		a := netip.MustParseAddrPort(address).Addr().Unmap()
		if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
			t.Errorf("let %s through", address)
		}
	})
}
