package upstream

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A nameserver is a real DNS server over UDP whose answer can be changed.
type nameserver struct {
	conn net.PacketConn

	mu    sync.Mutex
	addrs []netip.Addr
	fail  bool
}

func newNameserver(t *testing.T, addrs ...string) *nameserver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &nameserver{conn: conn}
	s.set(addrs...)
	go s.serve()
	return s
}

func (s *nameserver) set(addrs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addrs = nil
	for _, a := range addrs {
		s.addrs = append(s.addrs, netip.MustParseAddr(a))
	}
}

func (s *nameserver) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true},
			Questions: m.Questions}
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
		s.mu.Lock()
		if s.fail {
			answer.RCode = dnsmessage.RCodeServerFailure
		}
		for _, a := range s.addrs {
			switch {
			case s.fail:
			case a.Is4() && q.Type == dnsmessage.TypeA:
				answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
			case a.Is6() && q.Type == dnsmessage.TypeAAAA:
				answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
			}
		}
		s.mu.Unlock()
		if b, err := answer.Pack(); err == nil {
			s.conn.WriteTo(b, from)
		}
	}
}

func (s *nameserver) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

// How a name may move, and how it may not.
func TestRebinding(t *testing.T) {
	for _, c := range []struct {
		name, first, then string // addresses, comma-separated
		moves             bool
	}{
		{"public to public", "8.8.8.8", "1.1.1.1,2606:4700::1111", true},
		{"public to private", "8.8.8.8", "10.0.0.1", false},
		{"public to loopback", "8.8.8.8", "127.0.0.1", false},
		{"public to metadata", "8.8.8.8", "169.254.169.254", false},
		{"public to mapped loopback", "8.8.8.8", "::ffff:127.0.0.1", false},
		{"public to NAT64", "8.8.8.8", "64:ff9b::7f00:1", false},
		{"one bad address among good ones", "8.8.8.8", "1.1.1.1,10.0.0.1", false},
		{"private to private", "10.0.0.1", "192.168.3.4,fd12::1", true},
		{"private to public", "10.0.0.1", "1.1.1.1", true},
		{"private to loopback", "10.0.0.1", "127.0.0.1", false},
		{"private to metadata", "10.0.0.1", "169.254.169.254", false},
		{"private to a metadata service in CGNAT", "10.0.0.1", "100.100.100.200", false},
		{"to the admin address", "10.0.0.1", "10.0.0.99", false},
		{"to nothing", "10.0.0.1", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			split := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
			ns := newNameserver(t, split(c.first)...)
			d := newResolver(target{host: "svc.example."}, 80, NewGuard(netip.MustParseAddrPort("10.0.0.99:80")), ns.resolver())
			ctx := context.Background()
			if err := d.refresh(ctx, false); err != nil {
				t.Fatal(err)
			}
			ns.set(split(c.then)...)
			err := d.refresh(ctx, true)
			if (err == nil) != c.moves {
				t.Errorf("refresh: %v", err)
			}
			want := c.first
			if c.moves {
				want = c.then
			}
			var got []string
			for _, a := range *d.set.Load() {
				got = append(got, a.String())
			}
			if strings.Join(got, ",") != want {
				t.Errorf("addresses %v, want %s", got, want)
			}
		})
	}
	for _, bad := range []string{"169.254.169.254", "224.0.0.1", "0.0.0.0", "10.0.0.99"} {
		d := newResolver(target{host: "svc.example."}, 80, NewGuard(netip.MustParseAddrPort("10.0.0.99:80")), newNameserver(t, bad).resolver())
		if err := d.refresh(context.Background(), false); err == nil {
			t.Errorf("a name at %s was accepted at first", bad)
		}
	}
}

// A pool follows its name, and keeps the last good address while DNS fails.
func TestPoolFollowsItsName(t *testing.T) {
	port := "0"
	for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
		ln, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(ln.Addr().String())
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, ln.Addr().(*net.TCPAddr).IP.String())
		}))
		s.Listener.Close()
		s.Listener = ln
		s.Start()
		t.Cleanup(s.Close)
	}
	ns := newNameserver(t, "127.0.0.1")
	cfg := Config{Name: "n", Endpoints: []Endpoint{{URL: "http://svc.example:" + port}}, Resolve: 10 * time.Millisecond}
	p, err := NewPool(cfg, nil, Options{Resolver: ns.resolver()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	says := func(want string) func() bool {
		return func() bool { return forward(t, p, request("GET", "/")).text() == want }
	}
	if !says("127.0.0.1")() {
		t.Error("the first address does not answer")
	}
	ns.set("127.0.0.2")
	eventually(t, "the second address answers", says("127.0.0.2"))
	ns.mu.Lock()
	ns.fail = true
	ns.mu.Unlock()
	for range 5 {
		if !says("127.0.0.2")() {
			t.Error("the last good address was given up")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestNameThatDoesNotResolve(t *testing.T) {
	ns := newNameserver(t)
	cfg := Config{Name: "n", Endpoints: []Endpoint{{URL: "http://svc.example:80"}}}
	p, err := NewPool(cfg, nil, Options{Resolver: ns.resolver()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	wantError(t, p.Forward(context.Background(), request("GET", "/"), &recorder{}), "upstream.unreachable", 502)
}
