package upstream

import (
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Byte classes of a message's head.
const (
	inToken byte = 1 << iota // RFC 9110, section 5.6.2
	inPath                   // pchar and "/" (RFC 3986, section 3.3)
	inQuery                  // any visible ASCII but "#": clients send "[" and "|" raw
	inHost                   // reg-name without sub-delims (RFC 3986, section 3.2.2)
)

var byteClass = func() (t [256]byte) {
	mark := func(class byte, set string) {
		for i := 0; i < len(set); i++ {
			t[set[i]] |= class
		}
	}
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	mark(inToken, alnum+"!#$%&'*+-.^_`|~")
	mark(inPath, alnum+"-._~!$&'()*+,;=:@/%")
	mark(inHost, alnum+"-._~")
	for b := 0x21; b < 0x7f; b++ {
		if b != '#' {
			t[b] |= inQuery
		}
	}
	return t
}()

func allIn(s string, class byte) bool {
	for i := 0; i < len(s); i++ {
		if byteClass[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func isAlnum(b byte) bool {
	return b-'0' < 10 || (b|0x20)-'a' < 26
}

func validToken(s string) bool { return s != "" && allIn(s, inToken) }

// validPath accepts an absolute path whose percent-encoding is whole.
func validPath(s string) bool {
	return s != "" && s[0] == '/' && allIn(s, inPath) && wholeEscapes(s)
}

func validQuery(s string) bool { return allIn(s, inQuery) && wholeEscapes(s) }

// wholeEscapes reports whether every "%" begins a "%XX".
func wholeEscapes(s string) bool {
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return true
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
		s = s[i+3:]
	}
}

func isHex(b byte) bool { return b-'0' < 10 || (b|0x20)-'a' < 6 }

// validAuthority accepts host and optional port, without user information.
func validAuthority(s string) bool {
	host, rest := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 3 {
			return false
		}
		for _, b := range []byte(s[1:end]) {
			if !isHex(b) && b != ':' && b != '.' {
				return false
			}
		}
		host, rest = "", s[end+1:]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, rest = s[:i], s[i:]
		if host == "" {
			return false
		}
	} else if s == "" {
		return false
	}
	if !allIn(host, inHost) || len(host) > 253 {
		return false
	}
	if rest == "" {
		return true
	}
	if rest[0] != ':' || len(rest) < 2 || len(rest) > 6 {
		return false
	}
	n, err := strconv.ParseUint(rest[1:], 10, 16)
	return err == nil && n > 0
}

func unwritable(what string) error {
	return &gatehouse.Error{Code: "upstream.unwritable", Status: 400,
		Message: what + " cannot be written to the upstream"}
}

// checkOutbound looks at everything that is going to be written once more: what
// one door let by must not become another message behind the gateway.
func checkOutbound(o *gatehouse.Outbound, hasBody bool) error {
	if !validToken(o.Method) || len(o.Method) > 64 {
		return unwritable("the method")
	}
	if o.Method == "CONNECT" {
		return unwritable("a CONNECT request")
	}
	if !validPath(o.Path) && !(o.Path == "*" && o.Method == "OPTIONS" && o.Query == "") {
		return unwritable("the path")
	}
	if !validQuery(o.Query) {
		return unwritable("the query")
	}
	if o.Authority != "" && !validAuthority(o.Authority) {
		return unwritable("the authority")
	}
	for i := range o.Header {
		if f := &o.Header[i]; !validToken(f.Name) || !gatehouse.ValidValue(f.Value) {
			return unwritable("a header field")
		}
	}
	if o.Upgrade != "" {
		// An upgrade to HTTP/2 would be a tunnel past every control, and a body in
		// front of one can be read as the new protocol's first bytes.
		if !validToken(o.Upgrade) || hasBody || gatehouse.EqualFold(o.Upgrade, "h2c") {
			return unwritable("the upgrade")
		}
	}
	return nil
}
