package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

type connKey struct{}

// ConnInfo is what the door knows of a connection, for all its requests.
type ConnInfo struct {
	Remote   netip.AddrPort
	Listener string
	// TLS is the state after the handshake, where the door made it itself.
	TLS *tls.ConnectionState
	// Close ends a connection that is abused. It may be nil.
	Close func() error
	// Stale reports whether the handshake that led to this state would not succeed
	// any more: the rules for client certificates may change while connections are
	// open. Their requests are sent to a new connection (421). It may be nil.
	Stale func(*tls.ConnectionState) bool

	fingerprint atomic.Pointer[string]
	ordered     atomic.Pointer[string] // with the first request's field order
	streams     atomic.Int64           // HTTP/2 requests that have ended
	takenBack   atomic.Int64           // those of them that the client took back
}

// A client that takes most of its requests back at once makes the services behind
// work for nothing (rapid reset, CVE-2023-44487).
const (
	takenBackWithin = time.Second
	takenBackMost   = 200
)

// errStale answers on a connection that is Stale (RFC 9110, section 15.5.20).
var errStale = &gatehouse.Error{Code: "tls.stale", Status: 421, Message: "the listener's rules for TLS changed since the handshake"}

func (c *ConnInfo) stale(state *tls.ConnectionState) bool {
	return c.Stale != nil && state != nil && c.Stale(state)
}

// streamEnded counts an HTTP/2 request, and closes a connection of which more
// than half were taken back, once there are takenBackMost.
func (c *ConnInfo) streamEnded(takenBack bool) {
	all := c.streams.Add(1)
	if !takenBack {
		return
	}
	if n := c.takenBack.Add(1); n >= takenBackMost && n > all/2 && c.Close != nil {
		_ = c.Close()
	}
}

// Fingerprint is the JA4-style fingerprint of the ClientHello, or "".
func (c *ConnInfo) Fingerprint() string {
	if f := c.fingerprint.Load(); f != nil {
		return *f
	}
	return ""
}

// withOrder is Fingerprint, joined with how the first request of the connection
// orders its fields, where the door keeps that order (HTTP/1.1).
func (c *ConnInfo) withOrder(r *gatehouse.Request) string {
	if f := c.ordered.Load(); f != nil {
		return *f
	}
	f := fieldOrder(r)
	if hello := c.Fingerprint(); hello != "" {
		f = hello + "_" + f
	}
	c.ordered.Store(&f)
	return f
}

// fieldOrder is a JA4H-style fingerprint of a request's head: method, version,
// whether there are cookies and a referrer, the number of the other fields, the
// first language, and a truncated hash of the fields' names in order.
func fieldOrder(r *gatehouse.Request) string {
	cookie, referer, lang, n := "n", "n", "0000", 0
	var names strings.Builder
	for _, f := range r.Header {
		switch {
		case gatehouse.EqualFold(f.Name, "Cookie"):
			cookie = "c"
			continue
		case gatehouse.EqualFold(f.Name, "Referer"):
			referer = "r"
			continue
		case gatehouse.EqualFold(f.Name, "Accept-Language"):
			first, _, _ := strings.Cut(f.Value, ",")
			first, _, _ = strings.Cut(first, ";")
			lang = ""
			for i := 0; i < len(first) && len(lang) < 4; i++ {
				if c := first[i] | 0x20; 'a' <= c && c <= 'z' {
					lang += string(rune(c))
				}
			}
			lang += "0000"[len(lang):]
		}
		n++
		names.WriteString(f.Name)
		names.WriteByte(',')
	}
	method := strings.ToLower(r.Method + "00")[:2]
	return fmt.Sprintf("%s%s%s%s%02d%s_%s", method, strings.Replace(strings.TrimPrefix(r.Proto, "HTTP/"), ".", "", 1), cookie, referer,
		min(n, 99), lang, hash12(strings.TrimSuffix(names.String(), ",")))
}

// Hello takes the fingerprint of the connection's ClientHello: call it from
// tls.Config.GetConfigForClient.
func (c *ConnInfo) Hello(h *tls.ClientHelloInfo) {
	f := fingerprint(h)
	c.fingerprint.Store(&f)
}

// WithConn returns a context that tells the Door about the connection: for
// http.Server.ConnContext.
func WithConn(ctx context.Context, c *ConnInfo) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// NewConnInfo describes a connection accepted on a listener.
func NewConnInfo(c net.Conn, listener string) *ConnInfo {
	info := &ConnInfo{Listener: listener, Close: c.Close}
	if ap, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		info.Remote = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return info
}

// fingerprint is a JA4 of a TLS over TCP ClientHello: protocol, version, SNI,
// counts and ALPN, then truncated hashes of the sorted cipher suites and of the
// sorted extensions with the signature schemes. GREASE values are left out (RFC
// 8701).
func fingerprint(h *tls.ClientHelloInfo) string {
	version := uint16(0)
	for _, v := range h.SupportedVersions {
		if !isGREASE(v) && v > version {
			version = v
		}
	}
	names := map[uint16]string{tls.VersionTLS13: "13", tls.VersionTLS12: "12", tls.VersionTLS11: "11", tls.VersionTLS10: "10"}
	v := names[version]
	if v == "" {
		v = "00"
	}
	sni := "i"
	if h.ServerName != "" {
		sni = "d"
	}
	alpn := "00"
	if len(h.SupportedProtos) > 0 && h.SupportedProtos[0] != "" {
		p := h.SupportedProtos[0]
		alpn = alnum(p[0]) + alnum(p[len(p)-1])
	}
	ciphers := hexSorted(h.CipherSuites)
	extensions := hexSorted(h.Extensions)
	const serverName, alpnExt = "0000", "0010"
	hashed := slices.DeleteFunc(slices.Clone(extensions), func(e string) bool { return e == serverName || e == alpnExt })
	schemes := make([]string, 0, len(h.SignatureSchemes))
	for _, s := range h.SignatureSchemes {
		if !isGREASE(uint16(s)) {
			schemes = append(schemes, fmt.Sprintf("%04x", uint16(s)))
		}
	}
	return fmt.Sprintf("t%s%s%02d%02d%s_%s_%s", v, sni, min(len(ciphers), 99), min(len(extensions), 99), alpn,
		hash12(strings.Join(ciphers, ",")), hash12(strings.Join(hashed, ",")+"_"+strings.Join(schemes, ",")))
}

func alnum(c byte) string {
	if '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' {
		return string(rune(c))
	}
	return "9"
}

func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

func hexSorted(vs []uint16) []string {
	out := make([]string, 0, len(vs))
	for _, v := range vs {
		if !isGREASE(v) {
			out = append(out, fmt.Sprintf("%04x", v))
		}
	}
	slices.Sort(out)
	return out
}

func hash12(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
