package upstream

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
)

func TestAuthority(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string // "" for an error
	}{
		{Config{Endpoints: []Endpoint{{URL: "https://API.partner.example"}}}, "api.partner.example"},
		{Config{Endpoints: []Endpoint{{URL: "https://api.partner.example:443/"}}}, "api.partner.example"},
		{Config{Endpoints: []Endpoint{{URL: "https://api.partner.example:8443"}}}, "api.partner.example:8443"},
		{Config{Endpoints: []Endpoint{{URL: "http://api.partner.example:80"}}}, "api.partner.example"},
		{Config{Endpoints: []Endpoint{{URL: "http://[::1]:8080"}}}, "[::1]:8080"},
		{Config{Endpoints: []Endpoint{{URL: "https://192.0.2.7"}, {URL: "https://192.0.2.8"}}, TLS: TLS{ServerName: "api.partner.example"}}, "api.partner.example"},
		{Config{Endpoints: []Endpoint{{URL: "https://a.example"}, {URL: "https://b.example"}}}, ""},
		{Config{Endpoints: []Endpoint{{URL: "https://a.example"}, {URL: "https://a.example:8443"}}}, ""},
	} {
		got, err := c.cfg.Authority()
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v: %q, %v, want %q", c.cfg.Endpoints, got, err, c.want)
		}
	}
}

// A third party is reached at public addresses, and at those the operator lists,
// however it is written down and whatever its name resolves to at first.
func TestForeign(t *testing.T) {
	var served atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	named := "http://svc.example:" + port
	guard := NewGuard()
	listed := guard.Allow(netip.MustParsePrefix("127.0.0.1/32"))
	st := NewState() // connections of the one must not be those of the other
	for _, c := range []struct {
		name, url string
		o         Options
		code      string
	}{
		{"a literal address, listed", s.URL, Options{Guard: listed, Foreign: true}, ""},
		{"a literal address", s.URL, Options{Guard: guard, Foreign: true}, "upstream.refused"},
		{"the same, of a service of ours", s.URL, Options{Guard: guard}, ""},
		{"a name, listed", named, Options{Guard: listed, Foreign: true, Resolver: newNameserver(t, "127.0.0.1").resolver()}, ""},
		{"a name", named, Options{Guard: guard, Foreign: true, Resolver: newNameserver(t, "127.0.0.1").resolver()}, "upstream.refused"},
		{"a name for two addresses", "http://both.example", Options{Guard: listed, Foreign: true, Resolver: newNameserver(t, "127.0.0.1", "10.0.0.1").resolver()}, "upstream.refused"},
		{"metadata", "http://169.254.169.254", Options{Guard: listed, Foreign: true}, "upstream.refused"},
	} {
		p, err := NewPool(Config{Name: "n", Endpoints: []Endpoint{{URL: c.url}}, Retries: Retries{Attempts: 1}}, st, c.o)
		if err != nil {
			t.Fatal(err)
		}
		before := served.Load()
		err = p.Forward(context.Background(), request("GET", "/"), &recorder{})
		if c.code == "" && (err != nil || served.Load() != before+1) {
			t.Errorf("%s: %v, served %d", c.name, err, served.Load()-before)
		} else if c.code != "" {
			wantError(t, err, c.code, 502)
		}
		p.Close()
	}
	d := newResolver(target{host: "svc.example."}, 80, guard, newNameserver(t, "8.8.8.8", "::ffff:10.0.0.1").resolver())
	d.foreign = true
	if err := d.refresh(context.Background(), false); err == nil {
		t.Error("a private address in disguise was accepted")
	}
}
