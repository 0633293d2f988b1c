package http1

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// exchanged is what a client made of what an endpoint said.
type exchanged struct {
	Interim []int
	Answer  answer
	Err     string
	Kept    bool
}

type noting struct{ to *[]int }

func (i noting) WriteHead(status int, _ gatehouse.Header) error {
	*i.to = append(*i.to, status)
	return nil
}

// exchangeOver has a client ask an endpoint that says these pieces and no more.
func exchangeOver(method string, lim *Limits, pieces [][]byte) (out exchanged) {
	c := &Client{Head: time.Minute, Idle: time.Minute, MaxIdle: 1, Limits: lim,
		Dial: func(context.Context) (net.Conn, error) { return &scripted{pieces: pieces}, nil }}
	defer c.Close()
	a, err := c.Do(context.Background(), &Outgoing{Method: method, Path: "/", Host: "h", Repeatable: true, Interim: noting{&out.Interim}})
	if err == nil {
		var body []byte
		if a.Status == 101 {
			tunnel := a.Tunnel()
			body, err = io.ReadAll(tunnel)
			tunnel.Close()
		} else {
			body, err = io.ReadAll(a)
		}
		out.Answer = answer{Status: a.Status, Minor: a.Minor, Header: slices.Clone(a.Header), Body: string(body), Trailer: slices.Clone(a.Trailer())}
		a.Release()
	}
	if err != nil {
		out.Err = codeOf(err)
	}
	_, idle := c.Open()
	out.Kept = idle > 0
	return out
}

// FuzzClient has a client read an endpoint's bytes in several ways of cutting
// them: what it makes of them is the same, and its final answer is what the reader
// alone finds, whose fuzzing compares it with net/http. The one difference lies in
// forbidden trailer fields, which the client leaves out.
func FuzzClient(f *testing.F) {
	for _, c := range loadAnswers(f) {
		if seed := c.raw(); len(seed) < seedSize {
			f.Add([]byte(seed), orElse(c.Method, "GET"), []byte{3, 1})
		}
	}
	f.Add([]byte("HTTP/1.1 103 x\r\n\r\n"+fine), "GET", []byte{20})
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n"), "POST", []byte{2})
	lim := DefaultLimits()
	lim.HeadBytes, lim.Fields, lim.TrailerBytes, lim.ChunkExtBytes = 512, 16, 64, 16
	f.Fuzz(func(t *testing.T, data []byte, method string, sizes []byte) {
		if len(data) > 8<<10 || bytes.ContainsAny([]byte(method), "\r\n") {
			return
		}
		whole := exchangeOver(method, &lim, [][]byte{bytes.Clone(data)})
		for _, sizes := range [][]byte{sizes, {1}} {
			cut := exchangeOver(method, &lim, pieces(data, sizes))
			// What follows the answer is seen where it has arrived with it; else it is
			// seen when the connection is looked at before its next use.
			cut.Kept = whole.Kept
			if diff := cmp.Diff(whole, cut); diff != "" {
				t.Fatalf("in one piece (-) and in several (+):\n%s", diff)
			}
		}
		alone, err := readAnswer(data, method, &lim)
		switch {
		case whole.Err != "" || alone != nil && alone.Status < 200 || bytes.HasPrefix(data, []byte("HTTP/1.1 1")) || bytes.HasPrefix(data, []byte("HTTP/1.0 1")):
		case err == nil:
			if diff := cmp.Diff(alone, &whole.Answer); diff != "" {
				t.Fatalf("the reader alone (-) and the client (+):\n%s", diff)
			}
		case codeOf(err) != "http1.trailer_field":
			t.Fatalf("the reader alone refuses it: %v\n%+v", err, whole.Answer)
		}
	})
}

// FuzzOutgoing reads back the heads that a client writes: they are the request
// that was given, hop-by-hop fields left out, or they were not written.
func FuzzOutgoing(f *testing.F) {
	f.Add("GET", "/a", "b=c", "h", "Accept: */*\nCookie: a", "", "", uint8(0))
	f.Add("POST", "/", "", "h:80", "Connection: X-A\nX-A: 1\nContent-Length: 5\nTransfer-Encoding: x", "", "body", uint8(3))
	f.Add("GET", "/", "", "h", "X: a\r\nY: b", "websocket", "", uint8(0))
	lim := DefaultLimits()
	lim.HeadBytes, lim.Fields, lim.TargetBytes = 1<<20, 1<<16, 1<<20
	f.Fuzz(func(t *testing.T, method, path, query, host, fields, upgrade, body string, bits uint8) {
		r := &Outgoing{Method: method, Path: path, Query: query, Host: host, Upgrade: upgrade, Trailers: bits&1 != 0, Whole: []byte(body), Header: parsePairs(fields)}
		for _, f := range r.Header {
			if !appendable(f.Name, f.Value) {
				return // the caller would have refused it
			}
		}
		if !appendable(orElse(method, " "), host) || upgrade != "" && !appendable(upgrade, "") || trim(host) != host {
			return
		}
		for _, c := range []byte(path + query) {
			if c <= ' ' || c >= 0x7f {
				return
			}
		}
		head, ok := appendHead(nil, r)
		if !ok {
			t.Fatalf("not written: %+v", r)
		}
		var src source
		var l lines
		var got Request
		src.open(&scripted{pieces: [][]byte{append(head, body...)}})
		defer src.drop()
		text, refused, err := src.head(&l, &lim)
		if refused == nil && err == nil {
			refused = parseRequest(text, l.ends, nil, &got)
		}
		if path == "" && query == "" {
			return
		}
		if refused != nil || err != nil {
			t.Fatalf("%v %v of %q", refused, err, head)
		}
		target := path
		if query != "" {
			target += "?" + query
		}
		if got.Method != method || got.Target != target || got.Host != host || got.Length != int64(len(body)) || got.Close {
			t.Fatalf("%+v was read as %+v", r, got)
		}
		var want gatehouse.Header
		for _, f := range r.Header {
			if !staysHere(f.Name) && !namedByConnection(r.Header, f.Name) {
				want.Add(f.Name, trim(f.Value))
			}
		}
		got.Header.DelFunc(func(f gatehouse.Field) bool { return staysHere(f.Name) })
		if diff := cmp.Diff(want, got.Header, cmp.Transformer("nil", func(h gatehouse.Header) []gatehouse.Field { return append([]gatehouse.Field{}, h...) })); diff != "" {
			t.Fatalf("-given +read:\n%s", diff)
		}
	})
}
