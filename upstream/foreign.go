package upstream

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/gatehouse/gatehouse"
)

// Authority is the host, and the port where it is not the scheme's own, by which
// the service knows itself: as a third party expects it in Host and :authority. It
// is the host of the endpoints, or tls.server_name where that is set. An upstream
// whose endpoints disagree has none.
func (c Config) Authority() (string, error) {
	authority := ""
	for i, e := range c.Endpoints {
		t, err := parseTarget(e.URL)
		if err != nil {
			return "", &gatehouse.Error{Code: "config.upstream", Message: err.Error(), At: endpointAt(i)}
		}
		if c.TLS.ServerName != "" {
			t.host = c.TLS.ServerName
		}
		own := t.authority()
		if t.port == "443" && t.scheme == "https" || t.port == "80" && t.scheme == "http" {
			own = own[:len(own)-len(t.port)-1]
		}
		if authority != "" && own != authority {
			return "", &gatehouse.Error{Code: "config.upstream", Message: fmt.Sprintf("the endpoints are known by two names, %s and %s", authority, own),
				Hint: "one upstream for each, or tls.server_name", At: endpointAt(i)}
		}
		authority = own
	}
	return authority, nil
}

// Refused returns an error for the first endpoint that is an address which g
// refuses.
func (c Config) Refused(g *Guard) error {
	for i, e := range c.Endpoints {
		t, err := parseTarget(e.URL)
		if err != nil || !t.ip.IsValid() {
			continue
		}
		port, _ := strconv.ParseUint(t.port, 10, 16)
		if err := g.Check(netip.AddrPortFrom(t.ip, uint16(port))); err != nil {
			own := *gatehouse.AsError(err, "upstream.refused", 502)
			own.At = endpointAt(i)
			return &own
		}
	}
	return nil
}

// Plain returns the index of the first endpoint that is neither https nor on this
// host, or -1.
func (c Config) Plain() int {
	for i, e := range c.Endpoints {
		if t, err := parseTarget(e.URL); err == nil && t.scheme == "http" && t.host != "localhost" && !t.ip.IsLoopback() {
			return i
		}
	}
	return -1
}

func endpointAt(i int) gatehouse.Position {
	return gatehouse.Position{File: fmt.Sprintf("endpoints[%d].url", i)}
}
