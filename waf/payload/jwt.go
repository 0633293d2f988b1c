package payload

import (
	"errors"
	"strings"

	"github.com/gatehouse/gatehouse/strictjson"
)

// The shortest header, {"alg":""}, has 14 characters; what is longer than maxHead
// no reader of tokens accepts.
const (
	minHead = 14
	maxHead = 16 << 10
)

// tokens looks for JSON Web Tokens (RFC 7515, section 3.1) in a value.
func (w *walk) tokens(s string) {
	from := 0 // no run of characters is walked twice
	for {
		dot := strings.IndexByte(s[from:], '.')
		if dot < 0 {
			return
		}
		dot += from
		stop := dot // behind the characters, padding aside
		for stop > from && s[stop-1] == '=' {
			stop--
		}
		start := stop
		for start > from && base64Byte(s[start-1]) {
			start--
		}
		from = dot + 1
		if stop-start < minHead || stop-start > maxHead {
			continue
		}
		end := from
		for end < len(s) && base64Byte(s[end]) {
			end++
		}
		if end == len(s) || s[end] != '.' {
			continue
		}
		signature := end + 1
		for signature < len(s) && base64Byte(s[signature]) {
			signature++
		}
		w.tokenHead(s[start:stop], signature == end+1)
		if w.stopped {
			return
		}
		from = end
	}
}

func base64Byte(c byte) bool {
	return letter(c) || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// tokenHead judges a token's header, base64url-encoded.
func (w *walk) tokenHead(s string, unsigned bool) {
	w.token = appendBase64(w.token[:0], s)
	if trimmed := trimControls(view(w.token)); trimmed == "" || trimmed[0] != '{' {
		return
	}
	t := &w.head
	if err := t.Read(w.token, nil); err != nil {
		var e *strictjson.Error
		if errors.As(err, &e) && e.Code == strictjson.CodeDuplicateName {
			w.find(ruleJWTDuplicate, "")
		}
		return
	}
	alg := t.Get(0, "alg")
	if alg < 0 {
		return // some other text of this form
	}
	if t.Tokens[alg].Kind == strictjson.String {
		name := strings.TrimSpace(string(t.StringBytes(alg)))
		if name == "" || strings.EqualFold(name, "none") {
			w.find(ruleJWTNone, "its header says so")
		} else if unsigned && t.Get(0, "enc") < 0 {
			w.find(ruleJWTNone, "the signature is missing")
		}
	}
	if t.Get(0, "jku") >= 0 || t.Get(0, "x5u") >= 0 {
		w.find(ruleJWTKeyURL, "")
	}
	if t.Get(0, "jwk") >= 0 {
		w.find(ruleJWTKey, "")
	}
	if kid := t.Get(0, "kid"); kid >= 0 && t.Tokens[kid].Kind == strictjson.String && hostileKid(string(t.StringBytes(kid))) {
		w.find(ruleJWTKid, "")
	}
}

// appendBase64 decodes base64url.
func appendBase64(dst []byte, s string) []byte {
	acc, bits := uint32(0), 0
	for i := range len(s) {
		c, v := s[i], uint32(0)
		switch {
		case upper(c):
			v = uint32(c - 'A')
		case letter(c):
			v = uint32(c-'a') + 26
		case '0' <= c && c <= '9':
			v = uint32(c-'0') + 52
		case c == '-':
			v = 62
		default:
			v = 63
		}
		acc, bits = acc<<6|v, bits+6
		if bits >= 8 {
			bits -= 8
			dst = append(dst, byte(acc>>bits))
		}
	}
	return dst
}

// hostileKid reports a key id that is a path, SQL, a command or a null byte. A URL
// that names a key is met in honest tokens and passes, as do / + = of base64.
func hostileKid(kid string) bool {
	if strings.ContainsAny(kid, "'\"`;|$<>\\\x00\n\r") || strings.Contains(kid, "../") || strings.Contains(kid, "--") && strings.Contains(kid, " ") {
		return true
	}
	for _, prefix := range [...]string{"/dev/", "/etc/", "/proc/", "/tmp/", "/var/", "/home/", "/usr/", "/root/", "file:"} {
		if strings.HasPrefix(kid, prefix) {
			return true
		}
	}
	upperKid := strings.ToUpper(kid)
	return strings.Contains(upperKid, "UNION SELECT") || strings.Contains(upperKid, " OR 1=1")
}
