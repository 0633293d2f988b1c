package gateway

import (
	"net/netip"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Header fields that a service may take as the gateway's word. A client's own are
// never passed on. Names are compared with "_" as "-".
var forgeable = []string{
	"forwarded", "via", "x-real-ip", "x-client-ip", "client-ip", "x-cluster-client-ip", "true-client-ip",
	"cf-connecting-ip", "fastly-client-ip", "x-originating-ip", "x-remote-ip", "x-remote-addr",
	"x-original-url", "x-rewrite-url", "x-original-host", "x-host", "x-request-id", "x-envoy-external-address",
	"x-scheme", "front-end-https", "proxy", "remote-user", "x-remote-user", "x-user", "x-user-id", "x-username",
	"x-email", "x-groups", "x-roles", "x-tenant-id", "x-url-scheme", "x-wap-profile", "x-arr-clientcert",
}

var forgeablePrefixes = []string{
	"x-forwarded-", "x-client-cert", "client-cert", "x-amzn-mtls-", "x-gatehouse-", "x-ssl-", "x-auth-request-",
	"x-authenticated-", "x-identity-", "x-envoy-internal", "x-jwt-", "ssl-client-", "x-tls-client",
}

// startingWith finds the names that begin with a letter.
type startingWith [26][]string

func byLetter(names []string) (s startingWith) {
	for _, name := range names {
		s[name[0]-'a'] = append(s[name[0]-'a'], name)
	}
	return s
}

var forgeableNames, forgeableStarts = byLetter(forgeable), byLetter(forgeablePrefixes)

// isForgeable reports whether the field speaks in the gateway's name.
func isForgeable(name string) bool {
	letter := name[0] | 0x20 - 'a'
	if int(letter) >= len(forgeableNames) || len(forgeableNames[letter])+len(forgeableStarts[letter]) == 0 {
		return false
	}
	var buf [48]byte
	if len(name) > len(buf) {
		name = name[:len(buf)] // longer than every exact name; prefixes still compare
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		} else if c == '_' {
			c = '-'
		}
		buf[i] = c
	}
	lower := buf[:len(name)]
	for _, n := range forgeableNames[letter] {
		if string(lower) == n {
			return true
		}
	}
	for _, p := range forgeableStarts[letter] {
		if len(lower) >= len(p) && string(lower[:len(p)]) == p {
			return true
		}
	}
	return false
}

// isHopByHop reports whether the field belongs to one connection (RFC 9110,
// section 7.6.1).
func isHopByHop(name string) bool {
	switch len(name) {
	case 2:
		return gatehouse.EqualFold(name, "TE")
	case 7:
		return gatehouse.EqualFold(name, "Trailer") || gatehouse.EqualFold(name, "Upgrade")
	case 10:
		return gatehouse.EqualFold(name, "Connection") || gatehouse.EqualFold(name, "Keep-Alive")
	case 14:
		return gatehouse.EqualFold(name, "HTTP2-Settings")
	case 16:
		return gatehouse.EqualFold(name, "Proxy-Connection")
	case 17:
		return gatehouse.EqualFold(name, "Transfer-Encoding")
	case 18:
		return gatehouse.EqualFold(name, "Proxy-Authenticate")
	case 19:
		return gatehouse.EqualFold(name, "Proxy-Authorization")
	}
	return false
}

// peerAddr settles who the client is: the socket, or what a trusted proxy in
// front says of it. It also believes such a proxy's X-Forwarded-Proto.
func peerAddr(x *gatehouse.Exchange, trusted []netip.Prefix) *gatehouse.Error {
	x.Peer.Addr = x.Peer.Socket.Addr().Unmap()
	if len(trusted) == 0 || !contains(trusted, x.Peer.Addr) {
		return nil
	}
	hops, err := forwardedFor(x.Request.Header)
	if err != nil {
		return err
	}
	// From the right: each hop was written by the one after it; the first that is
	// not ours is the client.
	for i := len(hops) - 1; i >= 0; i-- {
		x.Peer.Addr, x.Peer.Via = hops[i], true
		if !contains(trusted, hops[i]) {
			break
		}
	}
	switch proto := x.Request.Header.Get("X-Forwarded-Proto"); {
	case x.Request.Header.Count("X-Forwarded-Proto") > 1:
		return badRequest("header.forwarded_proto", "the proxy sent X-Forwarded-Proto twice")
	case proto == "":
	case gatehouse.EqualFold(proto, "https"):
		x.Request.Scheme = "https"
	case gatehouse.EqualFold(proto, "http"):
		x.Request.Scheme = "http"
	default:
		return badRequest("header.forwarded_proto", "X-Forwarded-Proto is neither http nor https")
	}
	return nil
}

const maxHops = 32

// forwardedFor reads X-Forwarded-For, else Forwarded (RFC 7239); both together
// are two opinions and refused.
func forwardedFor(h gatehouse.Header) ([]netip.Addr, *gatehouse.Error) {
	xff, fwd := h.Count("X-Forwarded-For"), h.Count("Forwarded")
	if xff > 0 && fwd > 0 {
		return nil, badRequest("header.forwarded", "the proxy sent both Forwarded and X-Forwarded-For")
	}
	name := "X-Forwarded-For"
	if fwd > 0 {
		name = "Forwarded"
	}
	var hops []netip.Addr
	for v := range h.Values(name) {
		for part := range strings.SplitSeq(v, ",") {
			if fwd > 0 {
				part = forParameter(part)
			}
			addr, ok := hopAddr(strings.TrimSpace(part))
			if !ok || len(hops) == maxHops {
				return nil, badRequest("header.forwarded", "the proxy's list of hops is not one of addresses")
			}
			hops = append(hops, addr)
		}
	}
	return hops, nil
}

// forParameter returns the value of for= in one forwarded-element.
func forParameter(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if gatehouse.EqualFold(k, "for") {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

func hopAddr(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap(), a.Zone() == ""
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap(), ap.Addr().Zone() == ""
	}
	return netip.Addr{}, false
}

func contains(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
