package lab

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

// FuzzLaxRequest: careless as the parser is meant to be, it neither panics nor
// reads for ever.
func FuzzLaxRequest(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /v0 HTTP/1.1\nContent-Length: +2\nTransfer-Encoding : chunked\n\n{}",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nT: v\r\n\r\n",
		"GET http://x/%zz?q HTTP/1.1\rX: a\x00b\r\r",
		"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		br := bufio.NewReader(strings.NewReader(in))
		for range len(in) + 1 {
			r, err := laxRequest(br)
			if err != nil {
				return
			}
			if n, err := io.Copy(io.Discard, r.Body); err != nil || n > int64(len(in)) {
				t.Fatalf("a body of %d bytes from %d, %v", n, len(in), err)
			}
		}
		t.Fatal("more requests than bytes")
	})
}

// TestLaxReadings shows the carelessness that the message attacks need.
func TestLaxReadings(t *testing.T) {
	for _, c := range []struct{ name, in, header, want string }{
		{"folded", "GET / HTTP/1.1\r\nA: 1\r\n B: 2\r\n\r\n", "B", "2"},
		{"bare CR", "GET / HTTP/1.1\r\nA: 1\rB: 2\r\n\r\n", "B", "2"},
		{"bare LF", "GET / HTTP/1.1\nA: 1\nB: 2\n\n", "B", "2"},
		{"space before colon", "GET / HTTP/1.1\r\nB : 2\r\n\r\n", "B", "2"},
		{"last wins", "GET / HTTP/1.1\r\nB: 1\r\nB: 2\r\n\r\n", "B", "2"},
		{"underscore", "GET / HTTP/1.1\r\nB_C: 2\r\n\r\n", "B-C", "2"},
		{"NUL", "GET / HTTP/1.1\r\nB: 2\x00x\r\n\r\n", "B", "2"},
	} {
		r, err := laxRequest(bufio.NewReader(strings.NewReader(c.in)))
		if err != nil || r.Header.Get(c.header) != c.want {
			t.Errorf("%s: %v, %v", c.name, r, err)
		}
	}
}
