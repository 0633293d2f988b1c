package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// upperFilter spells answers in capitals, and stops at the word "stop".
type upperFilter struct {
	control
	none    bool // nothing to filter here
	refuse  error
	verdict *gatehouse.Verdict
	same    bool // it passes on what it gets
}

func (f *upperFilter) FilterResponse(_ *gatehouse.Exchange, w io.Writer) (io.WriteCloser, error) {
	switch {
	case f.none || f.refuse != nil:
		return nil, f.refuse
	case f.same:
		return passing{upperWriter{w}}, nil
	case f.verdict != nil:
		return &verdictWriter{upperWriter{w}, *f.verdict}, nil
	}
	return &upperWriter{w}, nil
}

type upperWriter struct{ w io.Writer }

func (u *upperWriter) Write(p []byte) (int, error) {
	switch {
	case bytes.Contains(p, []byte("stop")):
		return 0, &gatehouse.Error{Code: "filter.stop", Status: 502}
	case bytes.Contains(p, []byte("panic")):
		panic("oh")
	}
	_, err := u.w.Write(bytes.ToUpper(p))
	return len(p), err
}
func (u *upperWriter) Close() error { _, err := u.w.Write([]byte("!")); return err }

type verdictWriter struct {
	upperWriter
	v gatehouse.Verdict
}

func (v *verdictWriter) Verdict() gatehouse.Verdict { return v.v }

type passing struct{ upperWriter }

func (p passing) Write(b []byte) (int, error) { return p.w.Write(b) }
func (passing) Close() error                  { return nil }
func (passing) PassesThrough() bool           { return true }

// pieces answers 200 with the parts of a body, one Write each.
func pieces(parts ...string) forwarder {
	return func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		h := gatehouse.Header{{Name: "Content-Length", Value: "3"}, {Name: "ETag", Value: `"1"`}, {Name: "Repr-Digest", Value: "x"},
			{Name: "Content-MD5", Value: "x"}, {Name: "Digest", Value: "x"}, {Name: "Content-Digest", Value: "x"}, {Name: "Accept-Ranges", Value: "bytes"}, {Name: "X-Kept", Value: "1"}}
		if err := w.WriteHead(200, h); err != nil {
			return err
		}
		for _, p := range parts {
			if _, err := io.WriteString(w, p); err != nil {
				return err
			}
		}
		return w.WriteTrailer(gatehouse.Header{{Name: "X-Sum", Value: "1"}, {Name: "Repr-Digest", Value: "x"}})
	}
}

// TestStreamFilter: what becomes of an answer, in both modes.
func TestStreamFilter(t *testing.T) {
	denied := gatehouse.Denied(0, gatehouse.Reason{Code: "filter.denied"})
	removed := gatehouse.Verdict{Outcome: gatehouse.Pass, Reason: gatehouse.Reason{Code: "filter.removed"}}
	for _, c := range []struct {
		name   string
		filter *upperFilter
		parts  []string
		// in enforce:
		status  int
		body    string
		aborted bool
		code    string // of the judgment
		// in monitor the body is the upstream's always:
		wouldBlock bool
	}{
		{"filtered", &upperFilter{}, []string{"abc", "def"}, 200, "ABCDEF!", false, "", false},
		{"empty", &upperFilter{}, nil, 200, "!", false, "", false},
		{"nothing to filter", &upperFilter{none: true}, []string{"abc"}, 200, "abc", false, "-", false},
		{"cannot filter", &upperFilter{refuse: errors.New("no")}, []string{"abc"}, 502, "", false, "answer.filter", true},
		{"stopped at once", &upperFilter{}, []string{"stop"}, 502, "", false, "filter.stop", true},
		{"stopped late", &upperFilter{}, []string{"abc", "stop", "def"}, 200, "", true, "filter.stop", true},
		{"panic at once", &upperFilter{}, []string{"panic"}, 503, "", false, "control.panic", true},
		{"says what it removed", &upperFilter{verdict: &removed}, []string{"abc"}, 200, "ABC!", false, "filter.removed", false},
		{"denies at the end", &upperFilter{verdict: &denied}, []string{"abc"}, 200, "", true, "filter.denied", true},
		{"denies with an error", &upperFilter{verdict: &denied}, []string{"stop"}, 502, "", false, "filter.denied", true},
		{"a pass beside an error", &upperFilter{verdict: &removed}, []string{"stop"}, 502, "", false, "filter.stop", true},
	} {
		for _, mode := range []gatehouse.Mode{gatehouse.Enforce, gatehouse.Monitor} {
			t.Run(c.name+" "+mode.String(), func(t *testing.T) {
				c.filter.control = *says(permit, nil)
				f := newFixture(t, pieces(c.parts...), head(c.filter, mode))
				f.route.DefaultDeny = mode
				aborted := false
				var res *http.Response
				func() {
					defer func() { aborted = recover() == http.ErrAbortHandler }()
					res = f.do(httptest.NewRequest("GET", "/", nil))
				}()
				d := f.last()
				code := "-"
				for _, j := range d.Judgments {
					if j.Step == gatehouse.StepJudgeBack {
						code = j.Verdict.Reason.Code
					}
				}
				if code != c.code {
					t.Errorf("judged %q, want %q", code, c.code)
				}
				if mode == gatehouse.Monitor {
					body, _ := io.ReadAll(res.Body)
					if aborted || res.StatusCode != 200 || string(body) != strings.Join(c.parts, "") || d.WouldBlock != c.wouldBlock || res.Header.Get("ETag") == "" {
						t.Fatalf("%d %q aborted %v, %+v", res.StatusCode, body, aborted, d)
					}
					return
				}
				if aborted != c.aborted || d.Aborted != c.aborted || aborted && d.Late.Code != c.code {
					t.Fatalf("aborted %v, %+v", aborted, d)
				}
				if aborted {
					return
				}
				body, _ := io.ReadAll(res.Body)
				if res.StatusCode != c.status || c.status == 200 && string(body) != c.body {
					t.Fatalf("%d %q", res.StatusCode, body)
				}
				if c.status != 200 || c.filter.none {
					return
				}
				for _, name := range []string{"Content-Length", "ETag", "Repr-Digest", "Content-MD5", "Digest", "Content-Digest", "Accept-Ranges"} {
					if res.Header.Get(name) != "" {
						t.Errorf("%s is not true of the filtered answer", name)
					}
				}
				if res.Header.Get("X-Kept") == "" || res.Trailer.Get("X-Sum") != "1" || res.Trailer.Get("Repr-Digest") != "" {
					t.Errorf("fields %v, trailer %v", res.Header, res.Trailer)
				}
			})
		}
	}
}

// Filters see the answer in the order of their stages; one in monitor sees what
// the next one would have got, and changes nothing.
func TestStreamFiltersChain(t *testing.T) {
	a, b := &upperFilter{control: *says(permit, nil)}, &upperFilter{control: *says(permit, nil)}
	f := newFixture(t, pieces("abc"), head(a, gatehouse.Enforce), head(b, gatehouse.Monitor), head(b, gatehouse.Enforce))
	res := f.do(httptest.NewRequest("GET", "/", nil))
	if body, _ := io.ReadAll(res.Body); string(body) != "ABC!!" {
		t.Fatalf("%q", body)
	}
	f.route.Forwarder = pieces("stop")
	if res := f.do(httptest.NewRequest("GET", "/", nil)); res.StatusCode != 502 || len(f.last().Judgments) != 4 {
		t.Fatalf("%d %+v", res.StatusCode, f.last().Judgments)
	}
}

// An answer without a body is judged by its head, and held back by nobody. What is
// true of the service's body is not told of one that a filter changes.
func TestBodilessAnswers(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
	}{{"HEAD", 200}, {"GET", 304}, {"GET", 204}} {
		judged := 0
		whole := &answerControl{control: *says(permit, nil), whole: true, verdict: func(x *gatehouse.Exchange) gatehouse.Verdict {
			if judged++; x.Response.Body != nil {
				return deny
			}
			return gatehouse.Passed()
		}}
		filter := &upperFilter{control: *says(permit, nil), refuse: errors.New("asked")}
		f := newFixture(t, forwarder(func(_ *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
			return w.WriteHead(c.status, gatehouse.Header{{Name: "ETag", Value: "1"}})
		}), head(whole, gatehouse.Enforce), head(filter, gatehouse.Enforce))
		if res := f.do(httptest.NewRequest(c.method, "/", nil)); res.StatusCode != c.status || (res.Header.Get("ETag") == "") != (c.method == "HEAD") || judged != 1 {
			t.Errorf("%s %d: %d %v, judged %d times", c.method, c.status, res.StatusCode, res.Header, judged)
		}
	}
}

// What a filter does not change keeps the fields that describe it.
func TestPassThrough(t *testing.T) {
	f := newFixture(t, pieces("abc"), head(&upperFilter{control: *says(permit, nil), same: true}, gatehouse.Enforce))
	res := f.do(httptest.NewRequest("GET", "/", nil))
	if body, _ := io.ReadAll(res.Body); string(body) != "abc" || res.Header.Get("Content-Length") != "3" || res.Header.Get("ETag") == "" || res.Trailer.Get("Repr-Digest") == "" {
		t.Errorf("%q %v %v", body, res.Header, res.Trailer)
	}
	for _, c := range []struct {
		filter *upperFilter
		mode   gatehouse.Mode
		kept   bool
	}{{&upperFilter{same: true}, gatehouse.Enforce, true}, {&upperFilter{none: true}, gatehouse.Enforce, true},
		{&upperFilter{}, gatehouse.Monitor, true}, {&upperFilter{}, gatehouse.Off, true}, {&upperFilter{}, gatehouse.Enforce, false}} {
		c.filter.control = *says(permit, nil)
		f := newFixture(t, pieces("abc"), head(says(permit, nil), gatehouse.Enforce), head(c.filter, c.mode))
		if res := f.do(httptest.NewRequest("HEAD", "/", nil)); (res.Header.Get("ETag") != "") != c.kept || (res.Header.Get("Content-Length") == "3") != c.kept {
			t.Errorf("HEAD, %+v in %s: %v", *c.filter, c.mode, res.Header)
		}
	}
}

func TestEdits(t *testing.T) {
	query := "a=1"
	edits := gatehouse.Edits{Query: &query, Drop: []string{"range", "x-gone"}, Request: []gatehouse.Field{{Name: "Accept-Encoding", Value: "identity"}}}
	v := permit
	v.Edits = edits
	for _, mode := range []gatehouse.Mode{gatehouse.Enforce, gatehouse.Monitor} {
		var out gatehouse.Outbound
		f := newFixture(t, forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
			out = x.Outbound
			out.Header = append(gatehouse.Header(nil), x.Outbound.Header...)
			if x.Request.Query != "a=1&b=2" {
				t.Errorf("the request itself was changed: %q", x.Request.Query)
			}
			return w.WriteHead(204, nil)
		}), head(says(v, nil), mode))
		f.route.DefaultDeny = mode
		r := httptest.NewRequest("GET", "/?a=1&b=2", nil)
		for _, name := range []string{"Range", "X-Gone", "X_gone", "Accept_encoding", "Accept-Encoding", "X-Kept"} {
			r.Header[name] = []string{"gzip"}
		}
		f.do(r)
		type seen struct {
			Query, Range, Gone, Gone2, Encoding, Encoding2, Kept string
		}
		get := out.Header.Get
		got := seen{out.Query, get("Range"), get("X-Gone"), get("X_gone"), get("Accept-Encoding"), get("Accept_encoding"), get("X-Kept")}
		want := seen{"a=1", "", "", "", "identity", "", "gzip"}
		if mode == gatehouse.Monitor {
			want = seen{"a=1&b=2", "gzip", "gzip", "gzip", "gzip", "gzip", "gzip"}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v: %s", mode, d)
		}
		if j := f.last().Judgments[0]; j.Verdict.Edits.Query != &query {
			t.Error("the edits are not recorded")
		}
	}
}

// Details reach the client only where the control says so, and inert.
func TestProblemDetails(t *testing.T) {
	for _, public := range []bool{false, true} {
		v := gatehouse.Denied(400, gatehouse.Reason{Code: "contract.body"})
		v.Public = public
		v.Details = []gatehouse.Detail{{Code: "contract.type", Parameter: "query:limit"}, {Code: "contract.required", Pointer: "/a\"<b>\n/ü\u2028" + strings.Repeat("x", 300)}}
		f := newFixture(t, answers(200, ""), head(says(v, nil), gatehouse.Enforce))
		res := f.do(httptest.NewRequest("GET", "/", nil))
		body, _ := io.ReadAll(res.Body)
		var p struct{ Errors []map[string]string }
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		var want []map[string]string
		if public {
			want = []map[string]string{{"code": "contract.type", "parameter": "query:limit"},
				{"code": "contract.required", "pointer": "/a\"?b??/ü?" + strings.Repeat("x", 256-len("/a\"<b>\n/ü\u2028"))}}
		}
		if d := cmp.Diff(want, p.Errors); d != "" {
			t.Error(d)
		}
		if len(f.last().Judgments[0].Verdict.Details) != 2 {
			t.Error("the record has no details")
		}
	}
}

// What calls itself a stream goes through the filters all the same, unless the
// route allows streams of its kind.
func TestFilterOfClaimedStreams(t *testing.T) {
	for _, c := range []struct {
		contentType string
		streams     StreamKind
		want        string
	}{
		{"text/event-stream", 0, "ABC!"}, {"application/grpc", 0, "ABC!"}, {"application/grpc", StreamSSE, "ABC!"},
		{"text/event-stream", StreamGRPC, "ABC!"}, {"text/event-streams", StreamSSE, "ABC!"}, {"text/event-stream/x", StreamSSE, "ABC!"},
		{"text/event-stream", StreamSSE, "abc"}, {"Text/Event-Stream ; charset=utf-8", StreamSSE, "abc"}, {"application/grpc+proto", StreamGRPC, "abc"},
	} {
		f := newFixture(t, forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
			x.Response.Streaming = true
			if err := w.WriteHead(200, gatehouse.Header{{Name: "Content-Type", Value: c.contentType}}); err != nil {
				return err
			}
			_, err := io.WriteString(w, "abc")
			return err
		}), head(&upperFilter{control: *says(permit, nil)}, gatehouse.Enforce))
		f.route.Streams = c.streams
		res := f.do(httptest.NewRequest("GET", "/", nil))
		if body, _ := io.ReadAll(res.Body); string(body) != c.want {
			t.Errorf("%s where %v is allowed: %q", c.contentType, c.streams, body)
		}
	}
}

// The problem in place of an error of the upstream's is not described as its body was.
func TestReplacedErrorIsNotDescribed(t *testing.T) {
	f := newFixture(t, forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		return w.WriteHead(500, gatehouse.Header{{Name: "Repr-Digest", Value: "x"}, {Name: "Digest", Value: "x"}, {Name: "ETag", Value: `"1"`},
			{Name: "Accept-Ranges", Value: "bytes"}, {Name: "Content-Language", Value: "de"}, {Name: "Retry-After", Value: "1"}})
	}), head(says(permit, nil), gatehouse.Enforce))
	res := f.do(httptest.NewRequest("GET", "/", nil))
	for _, name := range []string{"Repr-Digest", "Digest", "ETag", "Accept-Ranges", "Content-Language"} {
		if res.Header.Get(name) != "" {
			t.Errorf("%s: %s", name, res.Header.Get(name))
		}
	}
	if res.StatusCode != 500 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}
