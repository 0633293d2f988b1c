package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// serveLax answers HTTP/1.1 as careless servers do: Content-Length beats
// Transfer-Encoding, a bare LF or CR ends a line, a folded line is a field of its
// own, white space around a name is trimmed, "_" is "-", of duplicates the last
// wins. It is what request smuggling needs behind a front, and does no worse than
// that: heads and bodies are bounded.
func serveLax(l net.Listener, h http.Handler) (stop func() error) {
	var (
		mu    sync.Mutex
		conns = map[net.Conn]bool{}
		wg    sync.WaitGroup
		ended bool
	)
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[conn] = true
			if ended {
				_ = conn.Close()
			}
			mu.Unlock()
			wg.Go(func() {
				laxConn(conn, h)
				_ = conn.Close()
				mu.Lock()
				delete(conns, conn)
				mu.Unlock()
			})
		}
	})
	return func() error {
		err := l.Close()
		mu.Lock()
		ended = true
		for c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
		return err
	}
}

const (
	laxHead = 1 << 20
	laxBody = 64 << 20
)

func laxConn(conn net.Conn, h http.Handler) {
	br := bufio.NewReader(conn)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		r, err := laxRequest(br)
		if err != nil {
			return
		}
		r.RemoteAddr = conn.RemoteAddr().String()
		w := &laxResponse{header: http.Header{}, status: http.StatusOK}
		h.ServeHTTP(w, r)
		_, _ = io.Copy(io.Discard, r.Body)
		if w.write(conn, r.Method == http.MethodHead) != nil || strings.EqualFold(r.Header.Get("Connection"), "close") {
			return
		}
	}
}

var errLax = errors.New("lab: not a request")

// laxRequest reads one request.
func laxRequest(br *bufio.Reader) (*http.Request, error) {
	line, err := laxLine(br)
	for err == nil && line == "" { // stray line ends before a request are nothing
		line, err = laxLine(br)
	}
	if err != nil {
		return nil, err
	}
	words := strings.Fields(line)
	if len(words) < 2 {
		return nil, errLax
	}
	r := &http.Request{Method: words[0], RequestURI: words[1], Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}}
	target := words[1]
	if i := strings.Index(target, "://"); i >= 0 { // absolute-form: only its path counts
		target = "/" + strings.TrimLeft(target[i+3:], "/")
		if _, after, ok := strings.Cut(target[1:], "/"); ok {
			target = "/" + after
		}
	}
	p, query, _ := strings.Cut(target, "?")
	unescaped, err := url.PathUnescape(p)
	if err != nil {
		unescaped = p
	}
	r.URL = &url.URL{Path: unescaped, RawPath: p, RawQuery: query}
	for size := 0; ; {
		line, err := laxLine(br)
		if err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		if size += len(line); size > laxHead {
			return nil, errLax
		}
		name, value, ok := strings.Cut(line, ":")
		if ok {
			r.Header.Set(strings.ReplaceAll(strings.TrimSpace(name), "_", "-"), strings.TrimSpace(value))
		}
	}
	r.Host = r.Header.Get("Host")
	if r.Body, err = laxBodyOf(br, r.Header); err != nil {
		return nil, err
	}
	return r, nil
}

// laxLine ends a line at LF or at a CR that no LF follows, and cuts it at NUL.
func laxLine(br *bufio.Reader) (string, error) {
	var line []byte
	for len(line) <= laxHead {
		c, err := br.ReadByte()
		if err != nil {
			return "", err
		}
		if c == '\n' || c == '\r' {
			if c == '\r' {
				if next, err := br.Peek(1); err == nil && next[0] == '\n' {
					_, _ = br.ReadByte()
				}
			}
			line, _, _ = bytes.Cut(line, []byte{0})
			return string(line), nil
		}
		line = append(line, c)
	}
	return "", errLax
}

// laxBodyOf reads the whole body. Content-Length is asked first and read up to
// its first odd character.
func laxBodyOf(br *bufio.Reader, h http.Header) (io.ReadCloser, error) {
	var body bytes.Buffer
	if v := strings.TrimLeft(h.Get("Content-Length"), "+ "); v != "" {
		digits := v[:len(v)-len(strings.TrimLeft(v, "0123456789"))]
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > laxBody {
			return nil, errLax
		}
		if _, err := io.CopyN(&body, br, n); err != nil {
			return nil, err
		}
		return io.NopCloser(&body), nil
	}
	if !strings.Contains(strings.ToLower(h.Get("Transfer-Encoding")), "chunked") {
		return http.NoBody, nil
	}
	for {
		line, err := laxLine(br)
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 64)
		if err != nil || n < 0 || int64(body.Len())+n > laxBody {
			return nil, errLax
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(&body, br, n); err != nil {
			return nil, err
		}
		if _, err := laxLine(br); err != nil {
			return nil, err
		}
	}
	for { // trailers
		line, err := laxLine(br)
		if err != nil || line == "" {
			return io.NopCloser(&body), err
		}
	}
}

type laxResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *laxResponse) Header() http.Header         { return w.header }
func (w *laxResponse) WriteHeader(status int)      { w.status = status }
func (w *laxResponse) Write(p []byte) (int, error) { return w.body.Write(p) }

func (w *laxResponse) write(conn net.Conn, headOnly bool) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", w.status, http.StatusText(w.status))
	if w.status != http.StatusNoContent {
		w.header.Set("Content-Length", strconv.Itoa(w.body.Len()))
	}
	_ = w.header.Write(&out)
	out.WriteString("\r\n")
	if !headOnly {
		out.Write(w.body.Bytes())
	}
	_, err := conn.Write(out.Bytes())
	return err
}
