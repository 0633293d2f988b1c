package gateway

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

var testEgress = &Egress{Redirects: RedirectListed, Hosts: []string{"api.partner.example", "[2001:db8::1]"}, Port: "8443",
	RedirectHosts: []string{"cdn.partner.example"}}

func TestLocation(t *testing.T) {
	for location, want := range map[string]bool{
		"/": true, "/a/b?c=d#e": true, "a": true, "../a": true, "./a:b": true, "?q=//x": true, "#top": true, "/a%2f": true,
		"https://api.partner.example": true, "HTTPS://API.PARTNER.EXAMPLE/x": true, "http://api.partner.example/": true,
		"//api.partner.example/x": true, "//api.partner.example:8443": true, "https://api.partner.example:443/": true, "http://api.partner.example:80/": true,
		"https://api.partner.example:8443/": true, "https://[2001:db8::1]/x": true, "https://cdn.partner.example/x": true, "//cdn.partner.example": true,
		"https://api.partner.example?x": true, "https://api.partner.example#x": true,

		"": false, "https://": false, "//": false, "///x": false, "http:///x": false, "https:": false, "https:/api.partner.example/": false,
		"https:api.partner.example": false, "http://evil.example": false, "//evil.example": false, "https://cdn.partner.example:8443/": false,
		"https://api.partner.example:80/": false, "http://api.partner.example:443/": false, "//api.partner.example:443": false,
		"https://api.partner.example:0/": false, "https://api.partner.example:/": false, "https://api.partner.example:99999/": false,
		"https://u@api.partner.example/": false, "https://u:p@api.partner.example/": false, "https://api.partner.example@evil.example/": false,
		`\\evil.example`: false, `/\evil.example`: false, `https:\\api.partner.example`: false, `https://api.partner.example\@evil.example`: false,
		"https://api.partner.example.evil.example/": false, "https://xapi.partner.example/": false, "https://api.partner.example./": false,
		"https://api%2epartner.example/": false, "https://аpi.partner.example/": false, "https://api.partner.example\t/": false, " /": false, "/ ": false,
		"/\t/evil.example": false, "/\r\nSet-Cookie: a=b": false, "/a\x00": false, "/%": false, "/%zz": false, "/%0": false,
		"javascript:alert(1)": false, "data:text/html,x": false, "file:///etc/passwd": false, "ftp://api.partner.example/": false, "mailto:a@b": false,
		"a:b": false, "//[::ffff:127.0.0.1%25eth0]/": false, "https://0x7f.1/": false, "https://2130706433/": false,
		"/.//evil.example": false, "/..//evil.example": false, "/%2e//evil.example": false, ".//evil.example": false, "/a//b": false,
		"/" + strings.Repeat("a", maxLocation): false,
	} {
		h := gatehouse.Header{{Name: "location", Value: location}}
		if err := testEgress.redirect(h); (err == nil) != want {
			t.Errorf("%q: %v", location, err)
		}
	}
	same := *testEgress
	same.Redirects = RedirectSameHost
	if same.redirect(gatehouse.Header{{Name: "Location", Value: "https://cdn.partner.example/"}}) == nil {
		t.Error("same_host lets other hosts by")
	}
	if err := (&Egress{}).redirect(gatehouse.Header{{Name: "Location", Value: "/"}}); err == nil {
		t.Error("refuse is not the default")
	}
	if err := (&Egress{}).redirect(nil); err != nil {
		t.Error(err)
	}
}

// What passes leads, by net/url's reading too, to a host that is listed.
func FuzzLocation(f *testing.F) {
	for _, s := range []string{"/a", "//api.partner.example/x", "https://cdn.partner.example:443/", `/\evil`, "https://u@h/", "http://[::1]/", "a:b", "/%2f/", "?x", "https:a"} {
		f.Add(s)
	}
	base, err := url.Parse("https://api.partner.example/base/x?y")
	if err != nil {
		f.Fatal(err)
	}
	known := slices.Concat(testEgress.Hosts, testEgress.RedirectHosts)
	f.Fuzz(func(t *testing.T, location string) {
		if testEgress.redirect(gatehouse.Header{{Name: "Location", Value: location}}) != nil {
			return
		}
		u, err := base.Parse(location)
		if err != nil {
			return // a client that cannot read it goes nowhere
		}
		host, _ := splitAuthority(strings.ToLower(u.Host))
		if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" || !slices.Contains(known, host) || strings.HasPrefix(u.Path, "//") && !strings.Contains(location, "%") {
			t.Errorf("%q leads to %q", location, u)
		}
	})
}
