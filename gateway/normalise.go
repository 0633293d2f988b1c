package gateway

import (
	"net/netip"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// normalise is step 1. It turns the message a door read (Method, Target,
// Authority, Scheme, Header as received) into its one canonical form, and refuses
// what two readers could take differently. What is odd but may be allowed by an
// API is returned, to be judged once the API is known.
//
// checked says that the door has found every field's name to be a token and every
// value to hold no control character: the same text is not read twice for that.
func normalise(x *gatehouse.Exchange, lim *Limits, checked bool) (Oddity, *gatehouse.Error) {
	r := &x.Request
	if !isToken(r.Method) {
		return 0, badRequest("method.token", "the method is not a token")
	}
	if len(r.Target) > int(lim.URIBytes) {
		return 0, &gatehouse.Error{Code: "target.length", Status: 414, Message: "the request-target exceeds the limit"}
	}
	odd, err := checkFields(r.Header, lim, checked)
	if err != nil {
		return 0, err
	}
	if err := connectionOptions(&r.Header); err != nil {
		return 0, err
	}
	if err := authority(r); err != nil {
		return 0, err
	}
	pathOdd, err := target(r)
	if err != nil {
		return 0, err
	}
	return odd | pathOdd, framing(r)
}

// target splits the request-target (RFC 9112, section 3.2) into the canonical
// path and the query.
func target(r *gatehouse.Request) (Oddity, *gatehouse.Error) {
	t := r.Target
	for i := 0; i < len(t); i++ {
		if c := t[i]; c <= 0x20 || c == 0x7f || c == '#' || c >= 0x80 {
			return 0, badRequest("target.character", "the request-target holds a space, control byte, fragment or raw byte")
		}
	}
	if t == "*" {
		if r.Method != "OPTIONS" {
			return 0, badRequest("target.asterisk", "only OPTIONS may ask for *")
		}
		r.Path = "*"
		return 0, nil
	}
	switch r.Method {
	case "CONNECT":
		return 0, &gatehouse.Error{Code: "method.connect", Status: 405, Message: "CONNECT is not served"}
	case "TRACE", "TRACK": // the answer would show what the gateway adds to the request, credentials included
		return 0, &gatehouse.Error{Code: "method.trace", Status: 405, Message: "TRACE is not served"}
	}
	if t == "" || t[0] != '/' {
		if r.Proto == "HTTP/2.0" { // :path has no absolute form (RFC 9113, section 8.3.1)
			return 0, badRequest("target.form", "the request-target is not a path")
		}
		rest, err := absoluteForm(r, t)
		if err != nil {
			return 0, err
		}
		t = rest
	}
	raw, query, _ := strings.Cut(t, "?")
	path, odd, err := canonicalPath(raw)
	if err != nil {
		return 0, err
	}
	if err := checkQuery(query); err != nil {
		return 0, err
	}
	r.Path, r.Query = path, query
	return odd, nil
}

// absoluteForm checks an absolute-form target against scheme and Host, which a
// server behind might not (RFC 9112, section 3.2.2), and returns the rest.
func absoluteForm(r *gatehouse.Request, t string) (string, *gatehouse.Error) {
	scheme, rest, ok := strings.Cut(t, "://")
	if !ok || !gatehouse.EqualFold(scheme, "http") && !gatehouse.EqualFold(scheme, "https") {
		return "", badRequest("target.form", "the request-target is neither a path nor an absolute URI")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if !gatehouse.EqualFold(rest[:end], r.Authority) {
		return "", badRequest("target.authority", "the absolute request-target and Host name different authorities")
	}
	if rest = rest[end:]; rest == "" || rest[0] != '/' {
		rest = "/" + rest
	}
	return rest, nil
}

// authority validates Host or :authority, lower-cases it, and refuses a second
// opinion in a Host field.
func authority(r *gatehouse.Request) *gatehouse.Error {
	for i := range r.Header {
		if gatehouse.EqualFold(r.Header[i].Name, "Host") {
			if r.Authority != "" && !gatehouse.EqualFold(r.Header[i].Value, r.Authority) {
				return badRequest("host.duplicate", "the message names two hosts")
			}
			r.Authority = r.Header[i].Value
		}
	}
	if r.Header.Count("Host") > 1 {
		return badRequest("host.duplicate", "the message has several Host fields")
	}
	r.Header.Del("Host")
	if r.Authority == "" {
		return badRequest("host.missing", "the message names no host")
	}
	host, ok := splitAuthority(r.Authority)
	if !ok {
		return badRequest("host.invalid", "the authority is not a valid host and port")
	}
	lower := asciiLower(r.Authority)
	r.Authority, r.Host = lower, lower[:len(host)]
	return nil
}

// splitAuthority returns the host of "host[:port]" (brackets kept for IPv6), and
// whether the whole is valid: no user information, no empty or dangling parts.
func splitAuthority(a string) (host string, ok bool) {
	host, port := a, ""
	if strings.HasPrefix(a, "[") {
		end := strings.IndexByte(a, ']')
		if end < 0 {
			return "", false
		}
		ip, err := netip.ParseAddr(a[1:end])
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", false
		}
		host, port = a[:end+1], a[end+1:]
	} else if i := strings.IndexByte(a, ':'); i >= 0 {
		host, port = a[:i], a[i:]
	}
	if port != "" && !validPort(port) {
		return "", false
	}
	return host, host != "" && (host[0] == '[' || validHostname(host))
}

func validPort(p string) bool { // ":" and 1 to 5 digits
	if len(p) < 2 || len(p) > 6 || p[0] != ':' {
		return false
	}
	n := 0
	for _, c := range []byte(p[1:]) {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n > 0 && n < 65536
}

// validHostname takes letters, digits, "-" and "_" in labels of 1 to 63 bytes. A
// trailing dot is refused: "a.example." and "a.example" are one host to DNS and
// two to a map.
func validHostname(h string) bool {
	if len(h) > 253 {
		return false
	}
	label := 0
	for i := 0; i < len(h); i++ {
		c := h[i]
		switch {
		case c == '.':
			if label == 0 {
				return false
			}
			label = 0
			continue
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			label++
		default:
			return false
		}
		if label > 63 {
			return false
		}
	}
	return label > 0
}

// framing looks at what says where the message ends. A door that reads HTTP/1.1
// itself has refused worse; through net/http the two never arrive together in
// HTTP/1.1, but HTTP/2 lets a Transfer-Encoding field try (RFC 9113, 8.2.2).
func framing(r *gatehouse.Request) *gatehouse.Error {
	lengths := 0
	for i := range r.Header {
		f := &r.Header[i]
		switch {
		case gatehouse.EqualFold(f.Name, "Transfer-Encoding"):
			return badRequest("framing.transfer_encoding", "a Transfer-Encoding field stands where none may")
		case gatehouse.EqualFold(f.Name, "Content-Length"):
			if lengths++; lengths > 1 || !digits(f.Value) {
				return badRequest("framing.content_length", "Content-Length is not one number")
			}
		}
	}
	return nil
}

func digits(s string) bool {
	if s == "" || len(s) > 18 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// maxOptions bounds what Connection fields list.
const maxOptions = 32

// checkFields bounds the header and, unless they were checked, validates every name
// and value (RFC 9110, section 5.5).
func checkFields(h gatehouse.Header, lim *Limits, checked bool) (Oddity, *gatehouse.Error) {
	if len(h) > lim.HeaderFields {
		return 0, &gatehouse.Error{Code: "header.count", Status: 431, Message: "the message has too many header fields"}
	}
	size, options := 0, 0
	for i := range h {
		size += len(h[i].Name) + len(h[i].Value) + 4
		if len(h[i].Name) == len("Connection") && gatehouse.EqualFold(h[i].Name, "Connection") {
			// Every other field will be compared with each of these.
			if options += 1 + strings.Count(h[i].Value, ","); options > maxOptions {
				return 0, &gatehouse.Error{Code: "header.connection", Status: 431, Message: "the message has too many connection options"}
			}
		}
		if checked {
			continue
		}
		if !isToken(h[i].Name) {
			return 0, badRequest("header.name", "a header field's name is not a token")
		}
		if !gatehouse.ValidValue(h[i].Value) {
			return 0, badRequest("header.value", "a header field's value holds a control character")
		}
	}
	if size > int(lim.HeaderBytes) {
		return 0, &gatehouse.Error{Code: "header.length", Status: 431, Message: "the header exceeds the limit"}
	}
	var odd Oddity
	for i := range h {
		if isMethodOverride(h[i].Name) {
			odd |= MethodOverride
		}
	}
	return odd, nil
}

func isMethodOverride(name string) bool {
	if len(name) < 13 || name[0]|0x20 != 'x' {
		return false
	}
	return sameField(name, "x-http-method-override") || sameField(name, "x-http-method") || sameField(name, "x-method-override")
}

// foldField returns a field name as sameField wants it.
func foldField(name string) string { return strings.ReplaceAll(asciiLower(name), "_", "-") }

// sameField compares a field name with a lower-case one, "_" counting as "-":
// CGI-like servers cannot tell the two apart.
func sameField(name, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		} else if c == '_' {
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

var tokenByte = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		t[c] = true
	}
	return t
}()

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

func asciiLower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

func badRequest(code, message string) *gatehouse.Error {
	return &gatehouse.Error{Code: code, Status: 400, Message: message}
}
