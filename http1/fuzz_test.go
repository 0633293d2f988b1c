package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// scripted is a connection whose client has said everything beforehand, in
// pieces, and that keeps what it was answered.
type scripted struct {
	pieces [][]byte
	said   bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error) {
	for len(s.pieces) > 0 && len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces[0] = s.pieces[0][n:]
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error)      { return s.said.Write(p) }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// message is a request as somebody read it.
type message struct {
	Method, Target, Host string
	Minor                int
	Header               gatehouse.Header
	Close                bool
	Body                 string
	Trailer              gatehouse.Header
	Broken               string // why the body broke off
}

// transcript is a Handler that notes all it is given.
type transcript struct {
	Messages []message
	Refused  string
}

func (s *transcript) ServeHTTP1(_ context.Context, r *Request, b *Body, w *ResponseWriter) {
	m := message{Method: r.Method, Target: r.Target, Host: r.Host, Minor: r.Minor, Header: slices.Clone(r.Header), Close: r.Close}
	body, err := io.ReadAll(b)
	m.Body = string(body)
	if err != nil {
		m.Broken = codeOf(err)
	} else {
		m.Trailer = slices.Clone(b.Trailer())
	}
	s.Messages = append(s.Messages, m)
	if err != nil {
		_ = w.WriteHead(400, gatehouse.Header{{Name: "Connection", Value: "close"}, {Name: "Content-Length", Value: "0"}})
		return
	}
	_ = w.WriteHead(200, gatehouse.Header{{Name: "Content-Length", Value: "2"}})
	_, _ = io.WriteString(w, "ok")
}

func (s *transcript) RefuseHTTP1(_ context.Context, _ *Request, err *gatehouse.Error, w *ResponseWriter) {
	s.Refused = err.Code
	_ = w.WriteHead(err.Status, gatehouse.Header{{Name: "Connection", Value: "close"}, {Name: "Content-Length", Value: "0"}})
}

func codeOf(err error) string {
	var e *gatehouse.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return err.Error()
}

// read has the server read what a client says in these pieces.
func read(lim *Limits, pieces ...[]byte) *transcript {
	seen := &transcript{}
	s := &Server{Handler: seen, Limits: func() *Limits { return lim }}
	s.ServeConn(context.Background(), &scripted{pieces: pieces}, nil)
	_ = s.Shutdown(context.Background())
	return seen
}

// refused reports whether the transcript ends with a refusal, and its code.
func (s *transcript) refused() (string, bool) {
	if s.Refused != "" {
		return s.Refused, true
	}
	if n := len(s.Messages); n > 0 && s.Messages[n-1].Broken != "" {
		return s.Messages[n-1].Broken, true
	}
	return "", false
}

// seedSize keeps long cases away from the fuzzer, which would spend its time on
// making them shorter.
const seedSize = 4 << 10

func seedRequests(f *testing.F) {
	for _, c := range loadCorpus(f) {
		if seed := c.bytes(); len(seed) < seedSize {
			f.Add(seed)
		}
	}
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\nHEAD http://h/ HTTP/1.0\r\nPragma: no-cache\r\nConnection: keep-alive, x\r\n\r\n",
		"POST /a?b HTTP/1.1\r\nHost:\t h \t\r\nX:\r\nX: \xff\r\nContent-Length: 007\r\n\r\n1234567OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nConnection: close\r\n\r\na;b=\"c\"\r\n0123456789\r\n00\r\nX: 1\r\nx:2\r\n\r\n",
		"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
	} {
		f.Add([]byte(s))
	}
}

// FuzzRequest compares the reader with net/http's: what it accepts, net/http
// accepts with the same meaning, or the difference is one of known.
func FuzzRequest(f *testing.F) {
	seedRequests(f)
	lim := DefaultLimits()
	f.Fuzz(func(t *testing.T, data []byte) {
		rest := bufio.NewReaderSize(bytes.NewReader(data), 64<<10)
		for i, ours := range read(&lim, data).Messages {
			if ours.Broken != "" {
				break
			}
			// RFC 9112, section 2.2: an empty line before a request is passed over.
			if b, _ := rest.Peek(2); string(b) == "\r\n" {
				_, _ = rest.Discard(2)
			}
			theirs, err := http.ReadRequest(rest)
			if err != nil {
				if why := refusedByThem(&ours); why == "" {
					t.Fatalf("message %d is refused by net/http: %v\n%+v", i, err, ours)
				}
				return
			}
			body, err := io.ReadAll(theirs.Body)
			if err != nil {
				t.Fatalf("message %d: net/http breaks off its body: %v\n%+v", i, err, ours)
			}
			if diff := cmp.Diff(expected(&ours), fromNetHTTP(theirs, body)); diff != "" {
				t.Fatalf("message %d (-ours +net/http):\n%s", i, diff)
			}
			if ours.Close {
				return
			}
		}
	})
}

// refusedByThem is the list of what this reader accepts and net/http does not,
// with the reasons.
func refusedByThem(m *message) string {
	target := m.Target
	if m.Method == "CONNECT" && target[0] != '/' {
		target = "http://" + target
	}
	if _, err := url.ParseRequestURI(target); err != nil {
		return "net/http parses the target; here it is the gateway's normaliser that judges it, on every door"
	}
	for f := range m.Header.Values("Trailer") {
		for name := range strings.SplitSeq(f, ",") {
			switch textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name)) {
			case "Transfer-Encoding", "Trailer", "Content-Length":
				return "net/http looks into Trailer; here it is a hint that nobody acts on, the trailers themselves are checked"
			}
		}
	}
	return ""
}

// expected is a message as net/http tells of it: names in one spelling, framing
// fields taken out. It is the list of the differences in telling.
func expected(m *message) message {
	want := message{Method: m.Method, Target: m.Target, Minor: m.Minor, Close: m.Close, Body: m.Body, Host: m.Host}
	if u, err := url.ParseRequestURI(m.Target); err == nil && m.Method != "CONNECT" && u.Host != "" {
		want.Host = u.Host // the absolute form outweighs Host there; the gateway wants both to agree
	} else if m.Method == "CONNECT" && m.Target[0] != '/' {
		want.Host, _ = authorityOf(m.Target)
	}
	for _, f := range m.Header {
		switch name := textproto.CanonicalMIMEHeaderKey(f.Name); name {
		case "Host", "Transfer-Encoding", "Trailer": // told elsewhere
		default:
			want.Header = append(want.Header, gatehouse.Field{Name: name, Value: f.Value})
		}
	}
	for _, f := range m.Trailer {
		want.Trailer = append(want.Trailer, gatehouse.Field{Name: textproto.CanonicalMIMEHeaderKey(f.Name), Value: f.Value})
	}
	// RFC 9111, section 5.4: net/http adds what an old Pragma meant.
	if pragma, ok := m.Header.Lookup("Pragma"); ok && pragma == "no-cache" && m.Header.Count("Cache-Control") == 0 {
		want.Header.Add("Cache-Control", "no-cache")
	}
	slices.SortStableFunc(want.Header, byName)
	slices.SortStableFunc(want.Trailer, byName)
	return want
}

func authorityOf(target string) (string, error) {
	u, err := url.ParseRequestURI("http://" + target)
	if err != nil {
		return "", err
	}
	return u.Host, nil
}

func byName(a, b gatehouse.Field) int { return strings.Compare(a.Name, b.Name) }

func fromNetHTTP(r *http.Request, body []byte) message {
	m := message{Method: r.Method, Target: r.RequestURI, Host: r.Host, Minor: r.ProtoMinor, Close: r.Close, Body: string(body)}
	m.Header, m.Trailer = inOrder(r.Header), inOrder(r.Trailer)
	return m
}

func inOrder(h http.Header, without ...string) (out gatehouse.Header) {
	for name, values := range h {
		if slices.Contains(without, name) {
			continue
		}
		for _, v := range values {
			out = append(out, gatehouse.Field{Name: name, Value: v})
		}
	}
	slices.SortStableFunc(out, byName)
	return out
}

// FuzzSplit says the same bytes in other pieces: nothing may change, neither what
// is understood nor why the rest is refused. The limits are small, so that they
// are reached.
func FuzzSplit(f *testing.F) {
	for _, c := range loadCorpus(f) {
		if seed := c.bytes(); len(seed) < seedSize {
			f.Add(seed, []byte{1, 7, 3})
		}
	}
	f.Add([]byte("GET /"+strings.Repeat("a", 200)+" HTTP/1.1\nHost: h\r\n\r\n"), []byte{60, 60})
	f.Add([]byte("GET / HTTP/1.1\r\nHost: h\r\n"+strings.Repeat("a: b\r\n", 60)+"\r\n"), []byte{9})
	f.Add([]byte("GET / HTTP/1.1\r\nHost: h\r\na: "+strings.Repeat("b", 300)+"\nc\r\n\r\n"), []byte{99, 99, 9})
	lim := DefaultLimits()
	lim.HeadBytes, lim.Fields, lim.TargetBytes, lim.TrailerBytes, lim.ChunkExtBytes = 256, 8, 32, 64, 16
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		whole := read(&lim, bytes.Clone(data))
		if diff := cmp.Diff(whole, read(&lim, pieces(data, sizes)...)); diff != "" {
			t.Fatalf("in one piece (-) and in several (+):\n%s", diff)
		}
		if diff := cmp.Diff(whole, read(&lim, pieces(data, []byte{1})...)); diff != "" {
			t.Fatalf("in one piece (-) and byte by byte (+):\n%s", diff)
		}
	})
}

// pieces cuts data into pieces of the given sizes, again and again.
func pieces(data, sizes []byte) (out [][]byte) {
	data = bytes.Clone(data)
	if len(sizes) == 0 {
		return [][]byte{data}
	}
	for i := 0; len(data) > 0; i++ {
		n := min(max(int(sizes[i%len(sizes)]), 1), len(data))
		out = append(out, data[:n])
		data = data[n:]
	}
	return out
}

// FuzzChunked compares the chunk reader with net/http's: what it reads to the
// end, net/http reads to the same end.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\nGET", "5;a=b\r\nhello\r\n00\r\nX: y\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "a\r\n0123456789\r\n0\n\r\n",
		"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", "5\nhello\n0\n\n", "0x5\r\nhello\r\n0\r\n\r\n", "00000000000005\r\nhello\r\n0\r\n\r\n", "F;\"a;b\"\r\n0123456789abcde\r\n0;x\r\n\r\n"} {
		f.Add([]byte(s))
	}
	lim := DefaultLimits()
	f.Fuzz(func(t *testing.T, data []byte) {
		var src source
		src.open(&scripted{pieces: [][]byte{bytes.Clone(data)}})
		defer src.drop()
		var b body
		b.open(&src, &lim, Chunked)
		ours, err := io.ReadAll(&b)
		theirs, theirErr := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(data)))
		if err == nil && (theirErr != nil || !bytes.Equal(ours, theirs)) {
			t.Fatalf("we read %q, net/http %q, %v", ours, theirs, theirErr)
		}
		if n := min(len(ours), len(theirs)); !bytes.Equal(ours[:n], theirs[:n]) {
			t.Fatalf("we read %q (%v), net/http %q (%v)", ours, err, theirs, theirErr)
		}
		if err != nil && theirErr != nil {
			return
		}
		// What follows the trailer section is the next message, to the byte. Of a
		// broken body nothing follows.
		if end := bytes.Index(data, []byte("\r\n\r\n")); err == nil && end >= 0 && src.buffered() > len(data)-end-len("\r\n\r\n") {
			t.Fatalf("%d bytes are left of %q", src.buffered(), data)
		}
	})
}

// FuzzResponse compares the reader of answers with net/http's, bodies included.
func FuzzResponse(f *testing.F) {
	for _, c := range loadAnswers(f) {
		if seed := c.raw(); len(seed) < seedSize {
			f.Add([]byte(seed), orElse(c.Method, "GET"))
		}
	}
	for _, s := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 200\r\n\r\nok", "HTTP/1.1 204 \r\nDate: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"} {
		f.Add([]byte(s), "GET")
		f.Add([]byte(s), "HEAD")
	}
	lim := DefaultLimits()
	f.Fuzz(func(t *testing.T, data []byte, method string) {
		ours, err := readAnswer(data, method, &lim)
		if err != nil {
			return
		}
		res, err := http.ReadResponse(bufio.NewReaderSize(bytes.NewReader(data), 64<<10), &http.Request{Method: method})
		if err != nil {
			t.Fatalf("net/http refuses %+v: %v", ours, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatalf("net/http breaks off the body of %+v: %v", ours, err)
		}
		theirs := answer{Status: res.StatusCode, Minor: res.ProtoMinor, Header: inOrder(res.Header, "Connection", "Trailer"), Body: string(body), Trailer: inOrder(res.Trailer)}
		theirs.Trailer.DelFunc(func(f gatehouse.Field) bool { return forbiddenTrailer(f.Name) })
		if len(theirs.Trailer) == 0 {
			theirs.Trailer = nil
		}
		if diff := cmp.Diff(ours.canonical(), theirs); diff != "" {
			t.Fatalf("-ours +net/http:\n%s", diff)
		}
	})
}

// answer is a response as somebody read it.
type answer struct {
	Status, Minor int
	Header        gatehouse.Header
	Body          string
	Trailer       gatehouse.Header
}

func readAnswer(data []byte, method string, lim *Limits) (*answer, error) {
	var (
		src source
		l   lines
		r   Response
		b   body
	)
	src.open(&scripted{pieces: [][]byte{bytes.Clone(data)}})
	defer src.drop()
	head, refused, err := src.head(&l, lim)
	if err != nil {
		return nil, err
	}
	if refused == nil {
		refused = parseResponse(head, l.ends, nil, method, &r)
	}
	if refused != nil {
		return nil, refused
	}
	b.open(&src, lim, r.Length)
	b.dropTrailers = true // as the client does
	read, err := io.ReadAll(&b)
	if err != nil {
		return nil, err
	}
	return &answer{r.Status, r.Minor, r.Header, string(read), slices.Clone(b.trailer)}, nil
}

// canonical is an answer as net/http tells of it.
func (a *answer) canonical() answer {
	out := answer{Status: a.Status, Minor: a.Minor, Body: a.Body}
	for _, f := range a.Header {
		switch name := textproto.CanonicalMIMEHeaderKey(f.Name); name {
		case "Transfer-Encoding", "Trailer", "Connection": // told elsewhere
		default:
			out.Header = append(out.Header, gatehouse.Field{Name: name, Value: f.Value})
		}
	}
	for _, f := range a.Trailer {
		out.Trailer = append(out.Trailer, gatehouse.Field{Name: textproto.CanonicalMIMEHeaderKey(f.Name), Value: f.Value})
	}
	if pragma, ok := a.Header.Lookup("Pragma"); ok && pragma == "no-cache" && a.Header.Count("Cache-Control") == 0 {
		out.Header.Add("Cache-Control", "no-cache")
	}
	slices.SortStableFunc(out.Header, byName)
	slices.SortStableFunc(out.Trailer, byName)
	return out
}

// writing is a Handler that answers with what the fuzzer made up.
type writing struct {
	status  int
	header  gatehouse.Header
	body    [][]byte
	trailer gatehouse.Header
	flush   bool
	err     error
}

func (h *writing) ServeHTTP1(_ context.Context, _ *Request, _ *Body, w *ResponseWriter) {
	if h.err = w.WriteHead(h.status, h.header); h.err != nil {
		return
	}
	for _, p := range h.body {
		if _, h.err = w.Write(p); h.err != nil {
			return
		}
		if h.flush {
			_ = w.Flush()
		}
	}
	if h.err = w.WriteTrailer(h.trailer); h.err != nil {
		w.Abort()
	}
}

func (h *writing) RefuseHTTP1(_ context.Context, _ *Request, err *gatehouse.Error, _ *ResponseWriter) {
	h.err = err
}

// FuzzWriteRead reads back what ResponseWriter wrote, with this package's reader
// and with net/http's: both find the status, the fields, the body and the
// trailers that were given, or the writer has refused them.
func FuzzWriteRead(f *testing.F) {
	f.Add(uint16(200), "Content-Type: text/plain\nX: y", "hello|world", "", "GET", uint8(3))
	f.Add(uint16(204), "Content-Length: 3", "abc", "", "GET", uint8(1))
	f.Add(uint16(304), "Content-Length: 3\nETag: x", "", "", "GET", uint8(1))
	f.Add(uint16(200), "Content-Length: 10", "hello|world", "", "HEAD", uint8(0))
	f.Add(uint16(200), "Transfer-Encoding: chunked\nConnection: close\nKeep-Alive: x\nUpgrade: y\nDate: now", "a||b", "X-Sum: 1", "POST", uint8(2))
	f.Add(uint16(200), "X: a\rb", "", "Content-Length: 1", "GET", uint8(1))
	f.Add(uint16(502), "Content-Length: 3", "abcd", "", "GET", uint8(4))
	f.Fuzz(func(t *testing.T, status uint16, fields, body, trailer, method string, bits uint8) {
		h := &writing{status: 200 + int(status)%400, header: parsePairs(fields), trailer: parsePairs(trailer), flush: bits&2 != 0}
		for p := range strings.SplitSeq(body, "|") {
			h.body = append(h.body, []byte(p))
		}
		if bits&4 != 0 {
			h.body = append(h.body, bytes.Repeat([]byte("long"), 2000))
		}
		if method != "HEAD" {
			method = "GET"
		}
		minor := int(bits & 1)
		lim := DefaultLimits()
		s := &Server{Handler: h, Limits: func() *Limits { return &lim }}
		c := &scripted{pieces: [][]byte{fmt.Appendf(nil, "%s / HTTP/1.%d\r\nHost: h\r\n\r\n", method, minor)}}
		s.ServeConn(context.Background(), c, nil)
		_ = s.Shutdown(context.Background())
		h.check(t, c.said.Bytes(), method, minor)
	})
}

func parsePairs(s string) (h gatehouse.Header) {
	for line := range strings.SplitSeq(s, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			h.Add(name, value)
		}
	}
	return h
}

func (h *writing) check(t *testing.T, said []byte, method string, minor int) {
	t.Helper()
	lim := DefaultLimits()
	lim.Fields, lim.HeadBytes, lim.TrailerBytes = 1<<20, 1<<30, 1<<30
	ours, err := readAnswer(said, method, &lim)
	whole := string(bytes.Join(h.body, nil))
	bodiless := method == "HEAD" || h.status == 204 || h.status == 304
	if n, ok := h.header.Lookup("Content-Length"); ok && h.err == nil && !bodiless {
		announced, _ := parseLength(n)
		if announced != int64(len(whole)) {
			h.err = io.ErrUnexpectedEOF // the writer broke it off at its end
		}
	}
	if h.err != nil {
		// HTTP/1.0 has no way to say so but the reset of the connection. What was
		// sent to its announced end before the handler went wrong is whole.
		announced, ok := parseLength(h.header.Get("Content-Length"))
		if err == nil && ok && int64(len(ours.Body)) == announced && strings.HasPrefix(whole, ours.Body) {
			return
		}
		if err == nil && !bodiless && minor == 1 {
			t.Fatalf("a broken answer (%v) reads as whole: %q", h.err, said)
		}
		return
	}
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%q", err, said)
	}
	want := answer{Status: h.status, Minor: 1, Body: whole}
	if bodiless {
		want.Body = ""
	}
	for _, f := range h.header {
		if !written(f.Name) {
			want.Header = append(want.Header, gatehouse.Field{Name: f.Name, Value: trim(f.Value)})
		}
	}
	if minor == 1 && !bodiless && h.header.Count("Content-Length") == 0 {
		for _, f := range h.trailer {
			want.Trailer = append(want.Trailer, gatehouse.Field{Name: f.Name, Value: trim(f.Value)})
		}
	}
	got := *ours
	got.Header = nil
	for _, f := range ours.Header {
		if !written(f.Name) {
			got.Header = append(got.Header, f)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-written +read:\n%s%q", diff, said)
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(bytes.NewReader(said), 1<<20), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("net/http: %v\n%q", err, said)
	}
	body, err := io.ReadAll(res.Body)
	theirs := answer{Status: res.StatusCode, Minor: res.ProtoMinor, Header: inOrder(res.Header, "Connection", "Trailer"), Body: string(body), Trailer: inOrder(res.Trailer)}
	if diff := cmp.Diff(ours.canonical(), theirs); err != nil || diff != "" {
		t.Fatalf("%v -ours +net/http:\n%s%q", err, diff, said)
	}
}

// written reports the fields that the writer decides itself.
func written(name string) bool {
	for _, f := range [...]string{"Date", "Upgrade", "Connection", "Keep-Alive", "Content-Length", "Proxy-Connection", "Transfer-Encoding"} {
		if gatehouse.EqualFold(name, f) {
			return true
		}
	}
	return false
}
