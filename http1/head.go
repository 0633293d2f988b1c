package http1

import (
	"bytes"

	"github.com/gatehouse/gatehouse"
)

// A Request is the head of a request (RFC 9112, section 3).
type Request struct {
	Method string
	Target string
	// Minor is the minor version: 0 or 1.
	Minor int
	// Host is the value of the Host field, or "" in HTTP/1.0 without one.
	Host string
	// Header has every field in order, Host and the framing ones too.
	Header gatehouse.Header
	// Length is the body's length; 0 for none, -1 where it is chunked.
	Length int64
	// Close says that the connection ends with this exchange.
	Close bool
	// Continue says that the client waits for 100 before it sends the body.
	Continue bool
}

// Proto returns "HTTP/1.1" or "HTTP/1.0".
func (r *Request) Proto() string {
	if r.Minor == 0 {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// A Response is the head of an answer (RFC 9112, section 4).
type Response struct {
	Status int
	Minor  int
	Header gatehouse.Header
	// Length is the body's length: 0 or more, Chunked, or UntilClose.
	Length int64
	// Close says that the connection cannot be used again.
	Close bool
}

// Lengths of bodies that are not announced.
const (
	Chunked    int64 = -1
	UntilClose int64 = -2
)

// lines finds where a head ends: it is given ever more of the same bytes and
// remembers how far it looked. ends are the offsets of each line's LF.
type lines struct {
	ends []int32
	next int // where the unfinished line begins
	seen int // bytes looked at
}

func (l *lines) reset() { l.ends, l.next, l.seen = l.ends[:0], 0, 0 }

// find returns the length of the head, its final empty line included, or 0 while
// more is needed. A bare LF is an error at once, not a wait for more. What it finds
// depends on the bytes alone, not on how many of them have arrived: the limits are
// looked at where they lie.
func (l *lines) find(b []byte, lim *Limits) (int, *gatehouse.Error) {
	over := len(b) > lim.HeadBytes
	if over {
		b = b[:lim.HeadBytes]
	}
	for {
		lf := len(b)
		i := bytes.IndexByte(b[l.seen:], '\n')
		if i >= 0 {
			lf = l.seen + i
		}
		if len(l.ends) == 0 && lf > lim.TargetBytes+64 {
			return 0, tooLarge(414, "target_length", "the request-target exceeds the limit")
		}
		if i < 0 {
			if over {
				return 0, tooLarge(431, "head_length", "the head exceeds the limit")
			}
			l.seen = len(b)
			return 0, nil
		}
		if lf == 0 || b[lf-1] != '\r' {
			return 0, bad("bare_lf", "a line ends with a bare LF")
		}
		l.seen = lf + 1
		if lf-1 == l.next {
			return lf + 1, nil
		}
		if len(l.ends) > lim.Fields {
			return 0, tooLarge(431, "field_count", "the message has too many fields")
		}
		l.ends = append(l.ends, int32(lf))
		l.next = lf + 1
	}
}

// parseRequest reads a head that lines has measured. Fields are appended to h.
func parseRequest(head string, ends []int32, h gatehouse.Header, r *Request) *gatehouse.Error {
	if len(ends) == 0 {
		return bad("request_line", "the request line is empty")
	}
	if err := requestLine(head[:ends[0]-1], r); err != nil {
		return err
	}
	h, err := parseFields(head, ends, h)
	r.Header = h
	if err != nil {
		return err
	}
	return r.frame()
}

// requestLine reads "method SP target SP HTTP/1.x", single spaces and nothing
// else (section 3).
func requestLine(line string, r *Request) *gatehouse.Error {
	i := 0
	for i < len(line) && token[line[i]] {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ' ' {
		return bad("method", "the method is not a token followed by one space")
	}
	r.Method = line[:i]
	rest := line[i+1:]
	n := len(rest) - len(" HTTP/1.1")
	if n < 1 || rest[n:n+8] != " HTTP/1." {
		return bad("version", "the request line does not end with HTTP/1.1 or HTTP/1.0")
	}
	switch rest[n+8] {
	case '1':
		r.Minor = 1
	case '0':
		r.Minor = 0
	default:
		return bad("version", "the request line does not end with HTTP/1.1 or HTTP/1.0")
	}
	r.Target = rest[:n]
	for j := 0; j < n; j++ {
		if c := rest[j]; c <= 0x20 || c >= 0x7f {
			return bad("target", "the request-target holds a space, a control byte or a raw byte")
		}
	}
	return nil
}

// parseFields reads the field lines (section 5).
func parseFields(head string, ends []int32, h gatehouse.Header) (gatehouse.Header, *gatehouse.Error) {
	start := int(ends[0]) + 1
	for _, end := range ends[1:] {
		line := head[start : end-1]
		start = int(end) + 1
		f, err := parseField(line)
		if err != nil {
			return h, err
		}
		h = append(h, f)
	}
	return h, nil
}

func parseField(line string) (gatehouse.Field, *gatehouse.Error) {
	if line[0] == ' ' || line[0] == '\t' {
		return gatehouse.Field{}, bad("obs_fold", "a field is folded over lines")
	}
	i := 0
	for i < len(line) && token[line[i]] {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ':' {
		if i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			return gatehouse.Field{}, bad("space_before_colon", "white space stands between a field's name and its colon")
		}
		return gatehouse.Field{}, bad("field_name", "a field's name is not a token")
	}
	value := trim(line[i+1:])
	if !gatehouse.ValidValue(value) {
		return gatehouse.Field{}, bad("field_value", "a field's value holds a control byte")
	}
	return gatehouse.Field{Name: line[:i], Value: value}, nil
}

// trim removes optional white space (RFC 9110, section 5.6.3).
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// frame finds the request's body length and what becomes of the connection
// (section 6.3), refusing whatever two readers could take differently.
func (r *Request) frame() *gatehouse.Error {
	f, err := framingOf(r.Header)
	if err != nil {
		return err
	}
	if f.hosts > 1 {
		return bad("host", "the message has several Host fields")
	}
	if r.Minor == 1 && f.hosts == 0 {
		return bad("host", "the message has no Host field")
	}
	if f.chunked && r.Minor == 0 {
		return bad("transfer_encoding", "HTTP/1.0 has no Transfer-Encoding")
	}
	r.Host = f.host
	switch {
	case f.chunked:
		r.Length = Chunked
	case f.length > 0:
		r.Length = f.length
	default:
		r.Length = 0
	}
	r.Close = f.close || r.Minor == 0 && !f.keepAlive
	if f.expect != "" {
		if !gatehouse.EqualFold(f.expect, "100-continue") {
			return &gatehouse.Error{Code: "http1.expect", Status: 417, Message: "the expectation is not 100-continue"}
		}
		r.Continue = r.Minor == 1 && r.Length != 0
	}
	return nil
}

// framing is what the fields say about the body and the connection.
type framing struct {
	hosts                     int
	host, expect              string
	length                    int64 // -1 where there is no Content-Length
	chunked                   bool
	close, keepAlive, upgrade bool
}

func framingOf(h gatehouse.Header) (f framing, err *gatehouse.Error) {
	f.length = -1
	encodings := 0
	for i := range h {
		name, value := h[i].Name, h[i].Value
		switch len(name) {
		case 4:
			if gatehouse.EqualFold(name, "Host") {
				f.hosts++
				f.host = value
			}
		case 6:
			if gatehouse.EqualFold(name, "Expect") {
				if f.expect != "" || value == "" {
					value = "," // several, or none: not the one there is
				}
				f.expect = value
			}
		case 10:
			if gatehouse.EqualFold(name, "Connection") {
				f.connection(value)
			}
		case 14:
			if gatehouse.EqualFold(name, "Content-Length") {
				n, ok := parseLength(value)
				if !ok || f.length >= 0 {
					return f, bad("content_length", "Content-Length is not one number")
				}
				f.length = n
			}
		case 17:
			if gatehouse.EqualFold(name, "Transfer-Encoding") {
				if encodings++; encodings > 1 || !gatehouse.EqualFold(value, "chunked") {
					return f, bad("transfer_encoding", "Transfer-Encoding is not one \"chunked\"")
				}
				f.chunked = true
			}
		}
	}
	if f.chunked && f.length >= 0 {
		return f, bad("both_lengths", "the message has both Content-Length and Transfer-Encoding")
	}
	return f, nil
}

// connection reads the options of a Connection field.
func (f *framing) connection(v string) {
	for v != "" {
		option := v
		rest := ""
		for i := 0; i < len(v); i++ {
			if v[i] == ',' {
				option, rest = v[:i], v[i+1:]
				break
			}
		}
		v = rest
		switch option = trim(option); {
		case gatehouse.EqualFold(option, "close"):
			f.close = true
		case gatehouse.EqualFold(option, "keep-alive"):
			f.keepAlive = true
		case gatehouse.EqualFold(option, "upgrade"):
			f.upgrade = true
		}
	}
}

// parseLength reads a Content-Length: digits only, at most 18 of them.
func parseLength(s string) (int64, bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	n := int64(0)
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// parseResponse reads the head of an answer to a request with the given method.
func parseResponse(head string, ends []int32, h gatehouse.Header, method string, r *Response) *gatehouse.Error {
	if len(ends) == 0 {
		return bad("status_line", "the status line is empty")
	}
	line := head[:ends[0]-1]
	// "HTTP/1.x SP 3DIGIT SP [reason]"; some servers leave out the last space.
	if len(line) < 12 || line[:7] != "HTTP/1." || line[7] != '1' && line[7] != '0' || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return bad("status_line", "the status line is malformed")
	}
	r.Minor = int(line[7] - '0')
	r.Status = 0
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return bad("status_line", "the status is not a number")
		}
		r.Status = r.Status*10 + int(c-'0')
	}
	if r.Status < 100 || r.Status > 599 {
		return bad("status_line", "the status is out of range")
	}
	for i := 12; i < len(line); i++ {
		if !fieldByte[line[i]] {
			return bad("status_line", "the reason phrase holds a control byte")
		}
	}
	h, err := parseFields(head, ends, h)
	r.Header = h
	if err != nil {
		return err
	}
	return r.frame(method)
}

// frame finds the length of an answer's body (section 6.3).
func (r *Response) frame(method string) *gatehouse.Error {
	f, err := framingOf(r.Header)
	if err != nil {
		return err
	}
	if f.chunked && r.Minor == 0 {
		return bad("transfer_encoding", "HTTP/1.0 has no Transfer-Encoding")
	}
	r.Close = f.close || r.Minor == 0 && !f.keepAlive
	switch {
	case r.Status < 200 || r.Status == 204:
		if f.chunked || f.length > 0 {
			return bad("bodiless", "a bodiless status announces a body")
		}
		r.Length = 0
	case method == "HEAD" || r.Status == 304:
		r.Length = 0
	case f.chunked:
		r.Length = Chunked
	case f.length >= 0:
		r.Length = f.length
	default:
		r.Length, r.Close = UntilClose, true
	}
	return nil
}

var token = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		t[c] = true
	}
	return t
}()

// fieldByte is what a field value may hold: HTAB, visible ASCII, space and
// obs-text (RFC 9110, section 5.5).
var fieldByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != 0x7f || c == '\t'
	}
	return t
}()
