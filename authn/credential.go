package authn

import (
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Greatest lengths in bytes, checked before anything is decoded.
const (
	maxCredential = 16 << 10
	maxProof      = 8 << 10
)

type kind uint8

const (
	kindNone  kind = iota
	kindToken      // Authorization: Bearer or DPoP, or the cookie
	kindKey        // the API-key header
	kindOther      // an Authorization of another scheme
)

// A shown credential is what a request carries, as substrings of its head.
type shown struct {
	kind   kind
	scheme string // "Bearer" or "DPoP" for tokens
	secret string
	cookie bool
	proof  string // the DPoP header
	proofs int    // how many of them
}

// An extractor knows where an API's credentials may stand.
type extractor struct {
	keyHeader string // "" where API keys are not accepted
	cookie    string // "" where cookies are not accepted
	tokens    bool   // whether the API accepts access tokens at all
}

// extract finds the one credential of a request. Two are refused, and so is a
// token in the query (RFC 6750, section 2; RFC 9700, section 4.3.2), whatever the
// API accepts: what one reader overlooks another may take.
func (e *extractor) extract(r *gatehouse.Request) (shown, error) {
	var s shown
	found := 0
	for i := range r.Header {
		f := &r.Header[i]
		switch {
		case gatehouse.EqualFold(f.Name, "Authorization"):
			found++
			s.authorization(f.Value)
		case len(f.Name) == 4 && gatehouse.EqualFold(f.Name, "DPoP"):
			s.proofs++
			s.proof = f.Value
		case e.keyHeader != "" && gatehouse.EqualFold(f.Name, e.keyHeader):
			found++
			s.kind, s.secret = kindKey, f.Value
		case e.cookie != "" && gatehouse.EqualFold(f.Name, "Cookie"):
			value, n := cookieValue(f.Value, e.cookie)
			if n > 0 {
				found += n
				s.kind, s.secret, s.scheme, s.cookie = kindToken, value, "Bearer", true
			}
		}
	}
	if r.Query != "" && queryNames(r.Query, "access_token") {
		return s, errInQuery
	}
	if found > 1 {
		return s, errMultiple
	}
	if s.kind == kindToken || s.kind == kindKey {
		if len(s.secret) > maxCredential {
			return s, errCredentialSize
		}
		// A token's form is looked at by who judges it: one that is remembered is
		// found without being read.
		if s.secret == "" || s.kind == kindKey && !isToken68(s.secret) {
			return s, errMalformed
		}
	}
	if s.kind == kindToken && !e.tokens && !s.cookie {
		s.kind = kindOther
	}
	return s, nil
}

// authorization reads an Authorization field: scheme 1*SP token68 (RFC 9110,
// section 11.4). The scheme ends where its letters do, so that no other reader
// finds a bearer token behind a tab where this one finds an unknown scheme; what
// follows other than by spaces is part of the secret, and makes it malformed.
func (s *shown) authorization(value string) {
	end := 0
	for end < len(value) && (value[end]|0x20 >= 'a' && value[end]|0x20 <= 'z') {
		end++
	}
	scheme, rest := value[:end], value[end:]
	switch {
	case gatehouse.EqualFold(scheme, "Bearer"):
		s.scheme = "Bearer"
	case gatehouse.EqualFold(scheme, "DPoP"):
		s.scheme = "DPoP"
	default:
		s.kind = kindOther
		return
	}
	s.kind = kindToken
	s.secret = strings.TrimLeft(rest, " ")
}

// isToken68 follows RFC 9110, section 11.2. API keys and JWTs are of that form.
func isToken68(s string) bool {
	i := 0
	for i < len(s) && token68[s[i]] {
		i++
	}
	if i == 0 {
		return false
	}
	for i < len(s) && s[i] == '=' {
		i++
	}
	return i == len(s)
}

var token68 = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' ||
			strings.IndexByte("-._~+/", b) >= 0
	}
	return t
}()

// cookieValue returns the value of the cookie called name and how many there are
// (RFC 6265, section 5.4: names compare with case).
func cookieValue(header, name string) (value string, n int) {
	for rest := header; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, ";")
		// Servers take white space around the name and the value away, too.
		if k, v, ok := strings.Cut(pair, "="); ok && strings.Trim(k, " \t") == name {
			value = strings.Trim(v, " \t")
			n++
		}
	}
	return value, n
}

// queryNames reports whether a raw query has a parameter called name, however
// its name is percent-encoded. Both separators that servers know count.
func queryNames(query, name string) bool {
	start := 0
	for i := 0; i <= len(query); i++ {
		if i < len(query) && query[i] != '&' && query[i] != ';' {
			continue
		}
		if paramIs(query[start:i], name) {
			return true
		}
		start = i + 1
	}
	return false
}

// paramIs reports whether the decoded name of "name=value" is name, without case.
func paramIs(pair, name string) bool {
	j := 0
	for i := 0; i < len(pair); i++ {
		c := pair[i]
		switch {
		case c == '=':
			return j == len(name)
		case c == '%' && i+2 < len(pair):
			hi, lo := unhex(pair[i+1]), unhex(pair[i+2])
			if hi|lo < 16 {
				c, i = hi<<4|lo, i+2
			}
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if j == len(name) || c != name[j] {
			return false
		}
		j++
	}
	return j == len(name)
}

// unhex returns a digit's value, or 255.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
