package server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// proxied is a PROXY protocol v2 header for a client's address.
func proxied(client string) string {
	ap := netip.MustParseAddrPort(client)
	ip, family := ap.Addr().AsSlice(), byte(0x11)
	if ap.Addr().Is6() {
		family = 0x21
	}
	body := append(append([]byte{}, ip...), make([]byte, len(ip))...)
	body = append(body, byte(ap.Port()>>8), byte(ap.Port()), 0, 80)
	return string(proxyHeader(0x21, family, body))
}

const proxyDoors = `  - {name: plain, address: 127.0.0.1:0, proxy_protocol: {from: [127.0.0.0/8]}}
  - {name: tls, address: 127.0.0.1:0, tls: {certificates: [{internal: true}]}, proxy_protocol: {from: [127.0.0.0/8]}}
  - {name: other, address: 127.0.0.1:0, proxy_protocol: {from: [192.0.2.0/24]}}`

const askPublic = "GET /public HTTP/1.1\r\nHost: shop.localhost\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"

// raw opens a TCP connection to a listener and sends text.
func (h *house) raw(t *testing.T, listener, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", h.Addr(listener))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// The balancer's word for the client's address is what the service hears and
// what limits count, over TLS and HTTP/2 too.
func TestProxiedAddress(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), listeners: proxyDoors, limits: "connections_per_address: 2"})
	for _, c := range []struct{ header, want string }{
		{proxied("203.0.113.7:1234"), "203.0.113.7"},
		{proxied("[2001:db8::7]:1234"), "2001:db8::7"},
		{proxied("[::ffff:203.0.113.8]:1234"), "203.0.113.8"},
		{string(proxyHeader(0x20, 0, nil)), "127.0.0.1"},
		{string(proxyHeader(0x21, 0x11, append([]byte{203, 0, 113, 9, 0, 0, 0, 0, 0, 1, 0, 80}, 3, 0, 4, 1, 2, 3, 4))), "203.0.113.9"},
	} {
		for _, listener := range []string{"plain", "tls"} {
			conn := h.raw(t, listener, c.header)
			if listener == "tls" {
				conn = tls.Client(conn, &tls.Config{RootCAs: h.roots(), ServerName: "127.0.0.1"})
			}
			fmt.Fprint(conn, askPublic)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			conn.Close()
			_, rs := up.take()
			if err != nil || res.StatusCode != 200 || len(rs) != 1 || rs[0].header.Get("X-Forwarded-For") != c.want {
				t.Errorf("%s, %s: %v, %v, %+v", listener, c.want, res, err, rs)
			}
		}
	}
	// Two connections for each client, whatever the balancer has open.
	open := func(client string) error {
		c := h.raw(t, "plain", proxied(client)+askPublic)
		_, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err
	}
	for i := range 3 {
		for _, client := range []string{"198.51.100.1:1", "198.51.100.2:1", "[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1"} {
			if err := open(client); (err == nil) != (i < 2) {
				t.Errorf("connection %d of %s: %v", i+1, client, err)
			}
		}
	}
	if err := open("[2001:db8:0:1:ffff::1]:1"); err == nil {
		t.Error("another address of the same /64 is another client")
	}
}

// No header, half a header or another protocol's header is no connection.
func TestProxyHeaderMissing(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), listeners: proxyDoors})
	for name, text := range map[string]string{
		"an HTTP request": askPublic, "version 1": "PROXY TCP4 203.0.113.7 127.0.0.1 1234 80\r\n" + askPublic,
		"another command": string(proxyHeader(0x22, 0x11, make([]byte, 12))) + askPublic,
		"UDP":             string(proxyHeader(0x21, 0x12, make([]byte, 12))) + askPublic,
		"short":           string(proxyHeader(0x21, 0x11, make([]byte, 4))) + askPublic,
		"too long":        string(proxyHeader(0x21, 0x11, make([]byte, 8000))) + askPublic,
	} {
		if said := ended(t, h.raw(t, "plain", text), late); said != "" {
			t.Errorf("%s: %q", name, said)
		}
	}
	// A second header is a broken request.
	if said := ended(t, h.raw(t, "plain", proxied("203.0.113.7:1")+proxied("203.0.113.8:1")+askPublic), late); strings.Contains(said, " 200 ") {
		t.Errorf("two headers: %q", said)
	}
	// From anybody else the header is bytes like any others.
	if said := ended(t, h.raw(t, "other", proxied("203.0.113.7:1")+askPublic), late); strings.Contains(said, " 200 ") {
		t.Errorf("from a stranger: %q", said)
	}
	c := h.raw(t, "other", askPublic)
	if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 200 {
		t.Errorf("a stranger without a header: %v %v", res, err)
	}
	if _, rs := up.take(); len(rs) != 1 || rs[0].header.Get("X-Forwarded-For") != "127.0.0.1" {
		t.Errorf("the service heard %+v", rs)
	}
}

// Headers that do not come hold nobody up, are bounded by the bound on all
// connections, and end.
func TestSlowProxyHeaders(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), listeners: proxyDoors, limits: "connections: 20"})
	slow := make([]net.Conn, 10)
	for i := range slow {
		slow[i] = h.raw(t, "plain", proxySignature[:i])
	}
	waitFor(t, "ten connections", func() bool { return h.conns.open() == 10 })
	for range 30 {
		c := h.raw(t, "plain", proxied("203.0.113.7:1")+askPublic)
		if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 200 {
			t.Fatalf("behind slow ones: %v %v", res, err)
		}
		c.Close()
		waitFor(t, "a free place", func() bool { return h.conns.open() <= 12 })
	}
	for _, c := range slow {
		if said := ended(t, c, late+proxyHeaderTimeout); said != "" {
			t.Errorf("half a header: %q", said)
		}
	}
	waitFor(t, "free places", func() bool { return h.conns.open() == 0 })
}

// One place is enough for one connection with a header.
func TestLastPlaceIsForAProxiedConnection(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), listeners: proxyDoors, limits: "connections: 1"})
	c := h.raw(t, "plain", proxied("203.0.113.7:1")+askPublic)
	if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 200 {
		t.Errorf("%v %v", res, err)
	}
}
