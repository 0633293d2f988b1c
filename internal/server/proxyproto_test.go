package server

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
)

func proxyHeader(command, family byte, body []byte) []byte {
	b := append([]byte(proxySignature), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...)
}

func TestProxyHeader(t *testing.T) {
	v4 := []byte{192, 0, 2, 1, 127, 0, 0, 1, 0x30, 0x39, 0, 80}
	v6 := append(append([]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}, make([]byte, 16)...), 0x30, 0x39, 0, 80)
	for _, c := range []struct {
		name string
		in   []byte
		want string
		bad  bool
	}{
		{"IPv4", proxyHeader(0x21, 0x11, v4), "192.0.2.1:12345", false},
		{"IPv4 with TLVs", proxyHeader(0x21, 0x11, append(v4, 4, 0, 1, 0)), "192.0.2.1:12345", false},
		{"IPv6", proxyHeader(0x21, 0x21, v6), "[2001:db8::1]:12345", false},
		{"LOCAL", proxyHeader(0x20, 0, nil), "invalid AddrPort", false},
		{"unspecified", proxyHeader(0x21, 0, nil), "invalid AddrPort", false},
		{"version 1", []byte("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), "", true},
		{"version 3", proxyHeader(0x31, 0x11, v4), "", true},
		{"unknown command", proxyHeader(0x22, 0x11, v4), "", true},
		{"UDP", proxyHeader(0x21, 0x12, v4), "", true},
		{"short address", proxyHeader(0x21, 0x11, v4[:8]), "", true},
		{"cut off", proxyHeader(0x21, 0x11, v4)[:20], "", true},
		{"too long", proxyHeader(0x21, 0x11, make([]byte, 5000)), "", true},
		{"an HTTP request", []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "", true},
	} {
		r := bytes.NewReader(append(c.in, "rest"...))
		got, err := readProxyHeader(r)
		if (err != nil) != c.bad || !c.bad && got.String() != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
		if rest, _ := io.ReadAll(r); !c.bad && string(rest) != "rest" {
			t.Errorf("%s: leaves %q", c.name, rest)
		}
	}
}

func FuzzProxyHeader(f *testing.F) {
	f.Add(proxyHeader(0x21, 0x11, make([]byte, 12)))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		ap, err := readProxyHeader(r)
		if err != nil && ap.IsValid() {
			t.Fatal("an error and an address")
		}
		if read := len(in) - r.Len(); read > 16+maxProxyHeader {
			t.Fatalf("read %d bytes", read)
		}
	})
}
