package upstream

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	g := NewGuard(netip.MustParseAddrPort("127.0.0.1:9901"), netip.MustParseAddrPort("8.8.4.4:9901"))
	for addr, ok := range map[string]bool{
		"8.8.8.8:443": true, "1.1.1.1:80": true, "[2606:4700::1111]:443": true, "8.8.4.4:443": true,
		"127.0.0.1:80": false, "127.9.9.9:80": false, "[::1]:80": false, "0.0.0.0:80": false, "[::]:80": false, "0.1.2.3:80": false,
		"10.0.0.1:80": false, "172.16.0.1:80": false, "172.31.255.255:80": false, "192.168.1.1:80": false, "172.32.0.1:80": true,
		"169.254.169.254:80": false, "[fe80::1]:80": false, "[fe80::1%eth0]:80": false, "[fec0::1]:80": false,
		"100.64.0.1:80": false, "100.100.100.200:80": false, "100.63.0.1:80": true, "168.63.129.16:80": false,
		"[fd00:ec2::254]:80": false, "[fc00::1]:80": false, "224.0.0.1:80": false, "[ff02::1]:80": false,
		"255.255.255.255:80": false, "240.0.0.1:80": false, "192.0.2.1:80": false, "198.18.0.1:80": false,
		"[::ffff:8.8.8.8]:80": false, "[::ffff:127.0.0.1]:80": false, "[::8.8.8.8]:80": false, "[::127.0.0.1]:80": false,
		"[64:ff9b::a00:1]:80": false, "[64:ff9b:1::a00:1]:80": false, "[2002:7f00:1::]:80": false,
		"[2001:0:7f00:1::]:80": false, "[2001:db8::1]:80": false, "[2606:4700::5efe:a00:1]:80": false, "[2606:4700::200:5efe:a00:1]:80": false,
		"[100::1]:80": false, "8.8.4.4:9901": false, "localhost:80": false, "8.8.8.8": false, "": false,
	} {
		if err := g.Control("tcp", addr, nil); (err == nil) != ok {
			t.Errorf("%s: %v, want allowed %v", addr, err, ok)
		}
	}
	if g.Control("unix", "/run/docker.sock", nil) == nil {
		t.Error("a unix socket was allowed")
	}
	inner := g.Allow(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"))
	for addr, ok := range map[string]bool{"127.0.0.1:80": true, "10.1.1.1:80": true, "192.168.0.1:80": false,
		"127.0.0.1:9901": false, "[::ffff:127.0.0.1]:9901": false, "0.0.0.0:9901": false} {
		if err := inner.Control("tcp4", addr, nil); (err == nil) != ok {
			t.Errorf("with allow, %s: %v", addr, err)
		}
	}
	if g.Control("tcp", "127.0.0.1:80", nil) == nil {
		t.Error("Allow changed the guard it was called on")
	}
	all := NewGuard(netip.MustParseAddrPort("0.0.0.0:9901")).Allow(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	for _, addr := range []string{"127.0.0.1:9901", "127.0.0.7:9901", "[::1]:9901"} {
		if all.Control("tcp", addr, nil) == nil {
			t.Errorf("%s reaches the admin listener", addr)
		}
	}
}

// The admin address cannot be configured as an upstream, nor reached by a name.
func TestAdminIsNoUpstream(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("admin was reached") }))
	defer s.Close()
	admin := netip.MustParseAddrPort(strings.TrimPrefix(s.URL, "http://"))
	o := Options{Guard: NewGuard(admin)}
	if _, err := NewPool(Config{Name: "x", Endpoints: []Endpoint{{URL: s.URL}}}, nil, o); err == nil {
		t.Error("a literal admin address was accepted")
	}
	p, err := NewPool(Config{Name: "x", Endpoints: []Endpoint{{URL: "http://localhost:" + s.URL[strings.LastIndex(s.URL, ":")+1:]}}}, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	err = p.Forward(context.Background(), request("GET", "/"), &recorder{})
	if err == nil || strings.Contains(err.Error(), "token") {
		t.Errorf("by name: %v", err)
	}
}

func FuzzGuard(f *testing.F) {
	for _, s := range []string{"8.8.8.8:80", "[::1]:80", "[::ffff:10.0.0.1]:80", "[fe80::1%1]:80", "[64:ff9b::1]:80", "127.0.0.1:9901", "[2002::]:1", "x"} {
		f.Add(s)
	}
	g := NewGuard(netip.MustParseAddrPort("9.9.9.9:9901"))
	f.Fuzz(func(t *testing.T, s string) {
		if g.Control("tcp", s, nil) != nil {
			return
		}
		host, port, err := net.SplitHostPort(s)
		ip := net.ParseIP(host)
		if err != nil || ip == nil {
			t.Fatalf("%q passed and is no address", s)
		}
		if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() ||
			!ip.IsGlobalUnicast() || host == "9.9.9.9" && port == "9901" {
			t.Fatalf("%q passed", s)
		}
		if v4 := ip.To4(); v4 != nil && (v4[0] == 0 || v4[0] == 100 && v4[1]&0xc0 == 64 || v4[0] >= 224) {
			t.Fatalf("%q passed", s)
		} else if v4 == nil && (ip[0]&0xe0 != 0x20 || ip[0] == 0x20 && ip[1] == 2) {
			t.Fatalf("%q passed", s)
		}
	})
}
