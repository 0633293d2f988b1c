package http1

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// dialogue is what a client said to a server and what came of it.
type dialogue struct {
	t      *testing.T
	seen   *transcript
	answer string // all that the client got
}

// hold says in to a server with this handler.
func hold(t *testing.T, h Handler, in string) string {
	t.Helper()
	lim := DefaultLimits()
	s := &Server{Handler: h, Limits: func() *Limits { return &lim }}
	c := &scripted{pieces: [][]byte{[]byte(in)}}
	s.ServeConn(context.Background(), c, nil)
	_ = s.Shutdown(context.Background())
	return c.said.String()
}

// refusedWith wants the first message refused for the reason, answered with the
// status, and the connection closed.
func refusedWith(status int, code string) func(d *dialogue) {
	return func(d *dialogue) {
		d.t.Helper()
		got, _ := d.seen.refused()
		if got != "http1."+code || !strings.HasPrefix(d.answer, fmt.Sprintf("HTTP/1.1 %d ", status)) ||
			!strings.Contains(d.answer, "\r\nConnection: close\r\n") || strings.Count(d.answer, "HTTP/1.1 ") != 1 {
			d.t.Errorf("%q, %q", got, d.answer)
		}
	}
}

// taken wants every message read, the last one to be so.
func taken(n int, last func(m *message) bool) func(d *dialogue) {
	return func(d *dialogue) {
		d.t.Helper()
		if _, refused := d.seen.refused(); refused || len(d.seen.Messages) != n || last != nil && !last(&d.seen.Messages[n-1]) {
			d.t.Errorf("%+v", d.seen)
		}
	}
}

const again = "GET /again HTTP/1.1\r\nHost: h\r\n\r\n"

// requests11 are the rules for who reads requests. The names begin with the RFC and
// its section; docs/http1.md says what they demand.
var requests11 = []struct {
	name, in string
	check    func(d *dialogue)
}{
	{"9112-2.2-octets", "GET / HTTP/1.1\r\nHost: h\r\nX: \xff\xc0\xaf\r\n\r\n", taken(1, func(m *message) bool { return m.Header.Get("X") == "\xff\xc0\xaf" })},
	{"9112-2.2-bare-cr", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n" + again, refusedWith(400, "field_value")},
	{"9112-2.2-empty-line", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n" + again, taken(2, nil)},
	{"9112-2.2-space-first", "GET / HTTP/1.1\r\n Host: x\r\nHost: h\r\n\r\n" + again, refusedWith(400, "obs_fold")},
	{"9112-2.2-malformed", "nonsense\r\n\r\n" + again, refusedWith(400, "method")},
	{"9112-2.3-case", "GET / http/1.1\r\nHost: h\r\n\r\n" + again, refusedWith(400, "version")},
	{"9112-2.3-own-version", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", func(d *dialogue) {
		if !strings.HasPrefix(d.answer, "HTTP/1.1 200 ") {
			d.t.Errorf("%q", d.answer)
		}
	}},
	{"9112-3-spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n" + again, refusedWith(400, "target")},
	{"9112-3-too-long", "GET /" + strings.Repeat("a", 9<<10) + " HTTP/1.1\r\nHost: h\r\n\r\n" + again, refusedWith(414, "target_length")},
	{"9112-3-8000", "GET /" + strings.Repeat("a", 7980) + " HTTP/1.1\r\nHost: h\r\n\r\n", taken(1, nil)},
	{"9112-3.1-case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", taken(1, func(m *message) bool { return m.Method == "get" })},
	{"9112-3.2-space", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n" + again, refusedWith(400, "target")},
	{"9112-3.2-no-host", "GET / HTTP/1.1\r\n\r\n" + again, refusedWith(400, "host")},
	{"9112-3.2-hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n" + again, refusedWith(400, "host")},
	{"9112-3.2.2-absolute", "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", taken(1, func(m *message) bool { return m.Target == "http://h/a" })},
	{"9112-5.1-space", "GET / HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n" + again, refusedWith(400, "space_before_colon")},
	{"9112-5.1-ows", "GET / HTTP/1.1\r\nHost: h\r\nX:\t a b \t\r\n\r\n", taken(1, func(m *message) bool { return m.Header.Get("X") == "a b" })},
	{"9112-5.2-fold", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n" + again, refusedWith(400, "obs_fold")},
	{"9112-6.1-unknown-coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + again, refusedWith(400, "transfer_encoding")},
	{"9112-6.1-both", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + again, refusedWith(400, "both_lengths")},
	{"9112-6.1-http10", "POST / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + again, refusedWith(400, "transfer_encoding")},
	{"9112-6.3-not-last", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n" + again, refusedWith(400, "transfer_encoding")},
	{"9112-6.3-invalid", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\na" + again, refusedWith(400, "content_length")},
	{"9112-6.3-differing", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" + again, refusedWith(400, "content_length")},
	{"9112-6.3-length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + again, taken(2, func(m *message) bool { return m.Target == "/again" })},
	{"9112-6.3-short", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nabc", func(d *dialogue) {
		if m := d.seen.Messages; len(m) != 1 || m[0].Broken != io.ErrUnexpectedEOF.Error() || strings.Contains(d.answer, " 200 ") {
			d.t.Errorf("%+v %q", m, d.answer)
		}
	}},
	{"9112-6.3-none", "POST / HTTP/1.1\r\nHost: h\r\n\r\n" + again, taken(2, func(m *message) bool { return m.Target == "/again" })},
	{"9112-7-case", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n", taken(1, func(m *message) bool { return m.Body == "a" })},
	{"9112-7.1-chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n" + again, func(d *dialogue) {
		if m := d.seen.Messages; len(m) != 2 || m[0].Body != "abc0123456789" {
			d.t.Errorf("%+v", m)
		}
	}},
	{"9112-7.1-parameters", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" + again, refusedWith(400, "transfer_encoding")},
	{"9112-7.1-overflow", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n" + again, refusedWith(400, "chunk_size")},
	{"9112-7.1.1-ignored", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;x=\"y\";z\r\na\r\n0;x\r\n\r\n", taken(1, func(m *message) bool { return m.Body == "a" })},
	{"9112-7.1.1-bounded", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 5<<10) + "\r\na\r\n0\r\n\r\n" + again, refusedWith(400, "chunk_extension")},
	{"9112-7.1.2-apart", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n\r\n", taken(1, func(m *message) bool { return m.Header.Count("X") == 0 && m.Trailer.Get("X") == "a" })},
	{"9112-7.1.2-framing", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n" + again, refusedWith(400, "trailer_field")},
	{"9112-8-chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", func(d *dialogue) {
		if m := d.seen.Messages; len(m) != 1 || m[0].Broken != io.ErrUnexpectedEOF.Error() {
			d.t.Errorf("%+v", m)
		}
	}},
	{"9112-9.3-persists", again + again, taken(2, nil)},
	{"9112-9.3-http10", "GET / HTTP/1.0\r\nHost: h\r\n\r\n" + again, taken(1, nil)},
	{"9112-9.3-http10-keep-alive", "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n" + again, func(d *dialogue) {
		taken(2, nil)(d)
		if strings.Count(d.answer, "Connection: keep-alive\r\n") != 1 {
			d.t.Errorf("%q", d.answer)
		}
	}},
	{"9112-9.6-close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n" + again, func(d *dialogue) {
		taken(1, nil)(d)
		if !strings.Contains(d.answer, "\r\nConnection: close\r\n") {
			d.t.Errorf("%q", d.answer)
		}
	}},
	{"9110-5.1-token", "GET / HTTP/1.1\r\nHost: h\r\nX@: a\r\n\r\n" + again, refusedWith(400, "field_name")},
	{"9110-5.3-order", "GET / HTTP/1.1\r\nHost: h\r\nb: 1\r\na: 2\r\nB: 3\r\n\r\n", taken(1, func(m *message) bool {
		return fmt.Sprint(m.Header[1:]) == "[{b 1} {a 2} {B 3}]"
	})},
	{"9110-5.5-nul", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n" + again, refusedWith(400, "field_value")},
	{"9110-5.5-lf", "GET / HTTP/1.1\r\nHost: h\r\nX: a\nb: c\r\n\r\n" + again, refusedWith(400, "bare_lf")},
	{"9110-8.6-overflow", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551617\r\n\r\na" + again, refusedWith(400, "content_length")},
	{"9110-10.1.1-continue", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", func(d *dialogue) {
		if !strings.HasPrefix(d.answer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ") {
			d.t.Errorf("%q", d.answer)
		}
	}},
	{"9110-10.1.1-http10", "POST / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", func(d *dialogue) {
		if !strings.HasPrefix(d.answer, "HTTP/1.1 200 ") {
			d.t.Errorf("%q", d.answer)
		}
	}},
	{"9110-10.1.1-unknown", "POST / HTTP/1.1\r\nHost: h\r\nExpect: x\r\nContent-Length: 1\r\n\r\na" + again, refusedWith(417, "expect")},
}

// head is an answer's start and fields.
func head(status int, fields ...string) func(w *ResponseWriter) {
	var h gatehouse.Header
	for i := 0; i+1 < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return func(w *ResponseWriter) { _ = w.WriteHead(status, h) }
}

func text(s string) func(w *ResponseWriter) {
	return func(w *ResponseWriter) { _, _ = io.WriteString(w, s) }
}

// Requests that are answered.
const (
	get11  = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	get10  = "GET / HTTP/1.0\r\nHost: h\r\n\r\n"
	head11 = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
	post11 = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\nabc"
)

// answers11 are the rules for who writes answers: what must, and must not, stand
// in what the client gets.
var answers11 = []struct {
	name, request string
	steps         []func(w *ResponseWriter)
	must, mustNot []string
	end           string // of all that is written
}{
	{"9112-4-space", get11, []func(*ResponseWriter){head(299)}, []string{"HTTP/1.1 299 \r\n"}, nil, ""},
	{"9112-5.2-never-folds", get11, []func(*ResponseWriter){head(200, "X", "a\r\n b")}, nil, []string{"X"}, ""},
	{"9112-2.2-never-bare-cr", get11, []func(*ResponseWriter){head(200, "X", "a\rb")}, nil, []string{"X"}, ""},
	{"9112-6.1-once", get11, []func(*ResponseWriter){head(200, "Transfer-Encoding", "chunked"), text("abc")}, []string{"\r\nTransfer-Encoding: chunked\r\n"}, []string{"chunked\r\nTransfer"}, "\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
	{"9112-6.1-bodiless", get11, []func(*ResponseWriter){head(204, "Transfer-Encoding", "chunked")}, nil, []string{"Transfer-Encoding"}, "\r\n\r\n"},
	{"9112-6.1-interim", get11, []func(*ResponseWriter){head(103, "Transfer-Encoding", "chunked", "Link", "x"), head(200, "Content-Length", "0")}, []string{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"}, []string{"Transfer-Encoding"}, ""},
	{"9112-6.1-not-to-http10", get10, []func(*ResponseWriter){head(200), text("abc")}, []string{"Connection: close"}, []string{"Transfer-Encoding", "Content-Length"}, "\r\n\r\nabc"},
	{"9112-6.2-not-both", get11, []func(*ResponseWriter){head(200, "Content-Length", "3", "Transfer-Encoding", "chunked"), text("abc")}, []string{"\r\nContent-Length: 3\r\n"}, []string{"Transfer-Encoding"}, "\r\n\r\nabc"},
	{"9112-6.3-head", head11, []func(*ResponseWriter){head(200, "Content-Length", "3"), text("abc")}, []string{"\r\nContent-Length: 3\r\n"}, nil, "\r\n\r\n"},
	{"9112-6.3-304", get11, []func(*ResponseWriter){head(304, "Content-Length", "3"), text("abc")}, nil, nil, "\r\n\r\n"},
	{"9112-9.3-unread", post11, []func(*ResponseWriter){head(200, "Content-Length", "0")}, []string{"\r\nConnection: close\r\n"}, nil, ""},
	{"9112-9.6-close-sent", get11 + again, []func(*ResponseWriter){head(200, "Connection", "close", "Content-Length", "2"), text("ok")}, []string{"\r\nConnection: close\r\n"}, nil, "\r\n\r\nok"},
	{"9110-6.5.1-trailers", get11, []func(*ResponseWriter){head(200), text("a"), func(w *ResponseWriter) {
		if w.WriteTrailer(gatehouse.Header{{Name: "Content-Length", Value: "1"}}) == nil {
			w.Abort()
		}
	}}, nil, []string{"Content-Length"}, "0\r\n\r\n"},
	{"9110-6.6.1-date", get11, []func(*ResponseWriter){head(200)}, []string{"\r\nDate: "}, nil, ""},
	{"9110-8.6-bodiless", get11, []func(*ResponseWriter){head(204, "Content-Length", "3"), text("abc")}, nil, []string{"Content-Length"}, "\r\n\r\n"},
	{"9110-8.6-incorrect", get11, []func(*ResponseWriter){head(200, "Content-Length", "3"), text("ab")}, nil, []string{"\r\nConnection: keep"}, "ab"},
	{"9110-15.2-not-to-http10", get10, []func(*ResponseWriter){head(103), head(200, "Content-Length", "0")}, nil, []string{"103"}, ""},
}

func TestConformance(t *testing.T) {
	for _, c := range requests11 {
		t.Run(c.name, func(t *testing.T) {
			d := &dialogue{t: t, seen: &transcript{}}
			d.answer = hold(t, d.seen, c.in)
			c.check(d)
		})
	}
	for _, c := range answers11 {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			got := hold(t, handlerFunc(func(w *ResponseWriter) {
				asked++
				for _, step := range c.steps {
					step(w)
				}
			}), c.request)
			for _, s := range c.must {
				if !strings.Contains(got, s) {
					t.Errorf("no %q in %q", s, got)
				}
			}
			for _, s := range c.mustNot {
				if strings.Contains(got, s) {
					t.Errorf("%q in %q", s, got)
				}
			}
			if !strings.HasSuffix(got, c.end) || asked != 1 {
				t.Errorf("%d requests, %q does not end with %q", asked, got, c.end)
			}
		})
	}
}

// What TLS has not ended is not complete (RFC 9112, section 9.8), be it that
// nothing else says where it ends.
func TestTruncatedAnswer(t *testing.T) {
	lim := DefaultLimits()
	var src source
	src.open(&cutOff{scripted{pieces: [][]byte{[]byte("HTTP/1.1 200 OK\r\n\r\nabc")}}})
	var (
		l lines
		r Response
		b body
	)
	h, refused, err := src.head(&l, &lim)
	if refused != nil || err != nil {
		t.Fatal(refused, err)
	}
	if refused := parseResponse(h, l.ends, nil, "GET", &r); refused != nil {
		t.Fatal(refused)
	}
	b.open(&src, &lim, r.Length)
	if got, err := io.ReadAll(&b); err == nil || string(got) != "abc" || b.done() {
		t.Errorf("%q is complete", got)
	}
}

// cutOff ends as crypto/tls does where the other side has not said goodbye.
type cutOff struct{ scripted }

func (c *cutOff) Read(p []byte) (int, error) {
	n, err := c.scripted.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

var _ net.Conn = (*cutOff)(nil)

// Every row of the table of RFC 9112's demands names a test that exists, and
// every rule that is tested here has its row, with its section.
func TestConformanceTable(t *testing.T) {
	page, err := os.ReadFile("../docs/http1.md")
	if err != nil {
		t.Fatal(err)
	}
	functions := testFunctions(t, ".", "../gateway", "../upstream", "../internal/server")
	cases := map[string]map[string]bool{"TestConformance": {}, "TestCorpus": {}, "TestCorpusOfAnswers": {}}
	for _, c := range requests11 {
		cases["TestConformance"][c.name] = true
	}
	for _, c := range answers11 {
		cases["TestConformance"][c.name] = true
	}
	for _, c := range loadCorpus(t) {
		cases["TestCorpus"][c.Name] = true
	}
	for _, c := range loadAnswers(t) {
		cases["TestCorpusOfAnswers"][c.Name] = true
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)(?:/([^`]+))?`")
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || !strings.HasPrefix(line, "| 911") {
			continue
		}
		rows++
		tests := named.FindAllStringSubmatch(cells[3], -1)
		if len(tests) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, m := range tests {
			if !functions[m[1]] {
				t.Errorf("there is no %s: %s", m[1], line)
			}
			if m[2] == "" {
				continue
			}
			if !cases[m[1]][m[2]] {
				t.Errorf("%s has no case %q: %s", m[1], m[2], line)
			}
			if m[1] == "TestConformance" {
				if section := strings.ReplaceAll(strings.TrimPrefix(cells[0], "| "), ", ", "-"); !strings.HasPrefix(m[2], section+"-") {
					t.Errorf("%s stands in the row of %s", m[2], section)
				}
				delete(cases["TestConformance"], m[2])
			}
		}
	}
	for name := range cases["TestConformance"] {
		t.Errorf("%s has no row", name)
	}
	if rows < 70 {
		t.Errorf("only %d rows", rows)
	}
}

// testFunctions returns the names of the tests in these folders.
func testFunctions(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declared.FindAllSubmatch(src, -1) {
				out[string(m[1])] = true
			}
		}
	}
	return out
}
