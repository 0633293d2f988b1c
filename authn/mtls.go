package authn

import "strings"

// identityTyp is the typ of the signed identity header.
const identityTyp = "gatehouse-identity+jwt"

// A spiffePattern allows one SPIFFE ID, every ID of a trust domain (path "*"),
// or every ID below a path.
type spiffePattern struct {
	domain string
	path   string // "/ns/prod/", "" for the whole domain
	prefix bool
}

// parseSPIFFEPattern reads "domain", "domain/path" or "domain/path/*".
func parseSPIFFEPattern(s string) (spiffePattern, bool) {
	s = strings.TrimPrefix(s, "spiffe://")
	domain, path, deep := strings.Cut(s, "/")
	if !validTrustDomain(domain) {
		return spiffePattern{}, false
	}
	if !deep || path == "*" {
		return spiffePattern{domain: domain, path: "/", prefix: true}, true
	}
	p := spiffePattern{domain: domain, path: "/" + path}
	if rest, ok := strings.CutSuffix(p.path, "/*"); ok {
		p.path, p.prefix = rest+"/", true
	}
	return p, validSPIFFEPath(strings.TrimSuffix(p.path, "/"))
}

func (p spiffePattern) match(domain, path string) bool {
	if domain != p.domain {
		return false
	}
	if p.prefix {
		return len(path) > len(p.path) && strings.HasPrefix(path, p.path)
	}
	return path == p.path
}

// validTrustDomain follows SPIFFE-ID, section 2.1.
func validTrustDomain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// validSPIFFEPath follows SPIFFE-ID, section 2.2: non-empty segments of
// unreserved characters, none of them relative.
func validSPIFFEPath(s string) bool {
	if s == "" || s[0] != '/' || len(s) > 2048 {
		return false
	}
	for seg := range strings.SplitSeq(s[1:], "/") {
		if seg == "" || seg == "." || seg == ".." {
			return false
		}
		for i := 0; i < len(seg); i++ {
			c := seg[i]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// validDNSPattern wants a lower-case host name of at least two labels, the first
// of which may be "*".
func validDNSPattern(s string) bool {
	s = strings.TrimPrefix(s, "*.")
	return validDNSName(s) && strings.IndexByte(s, '.') > 0
}

func validDNSName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// matchDNS compares a name with a pattern; "*." stands for exactly one label.
func matchDNS(pattern, name string) bool {
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		label, found := strings.CutSuffix(name, rest)
		return found && label != "" && strings.IndexByte(label, '.') < 0
	}
	return pattern == name
}
