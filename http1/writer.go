package http1

import (
	"errors"
	"io"
	"net"
	"strconv"
	"sync"

	"github.com/gatehouse/gatehouse"
)

// ResponseWriter writes one answer. It is a gatehouse.ResponseWriter.
type ResponseWriter struct {
	conn *Conn
	req  *Request
	lim  *Limits

	buf []byte
	own *[]byte
	vec [3][]byte // for one gathered write

	mu sync.Mutex // of headed, and of what is written before it is set

	mode     uint8 // of the body; bodyNone until the head is written
	length   int64
	written  int64
	headed   bool
	bodiless bool
	close    bool // the connection ends after this answer
	upgraded bool
	aborted  bool
	err      error
	trailer  gatehouse.Header
}

var errUnwritable = errors.New("http1: a field that cannot be written")

func (w *ResponseWriter) open(r *Request, lim *Limits) {
	w.req, w.lim = r, lim
	w.mode, w.length, w.written = bodyNone, 0, 0
	w.headed, w.bodiless, w.upgraded, w.aborted = false, false, false, false
	w.close, w.err = r.Close, nil
	clear(w.trailer)
	w.trailer = w.trailer[:0]
	w.conn.endless.Store(false)
}

// length0 makes the writer treat the request as having no body to come.
func (w *ResponseWriter) length0() { w.req.Length = 0 }

func (w *ResponseWriter) take() {
	if w.buf == nil {
		w.own = buffers.Get().(*[]byte)
		w.buf = (*w.own)[:0]
	}
}

func (w *ResponseWriter) drop() {
	if w.own != nil {
		buffers.Put(w.own)
	}
	w.buf, w.own = nil, nil
}

// WriteHead sends an interim answer at once, or begins the final one. Framing and
// hop-by-hop fields in h are replaced by the writer's own; a Content-Length says
// how long the body will be.
func (w *ResponseWriter) WriteHead(status int, h gatehouse.Header) error {
	if w.err != nil {
		return w.err
	}
	if w.headed {
		return errors.New("http1: a second head")
	}
	w.take()
	if status < 200 && status != 101 {
		return w.interim(status, h)
	}
	w.mu.Lock()
	w.headed = true
	w.mu.Unlock()
	w.statusLine(status)
	if status == 101 {
		w.upgraded, w.close = true, true
		if err := w.fields(h, true); err != nil {
			return w.fail(err)
		}
		w.buf = append(w.buf, "\r\n"...)
		return w.flush()
	}
	w.length = -1
	if err := w.fields(h, false); err != nil {
		return w.fail(err)
	}
	w.frame(status)
	w.buf = append(w.buf, "Date: "...)
	w.buf = append(w.buf, *w.conn.server.date.Load()...)
	w.buf = append(w.buf, "\r\n\r\n"...)
	return nil
}

// interim sends an answer that another one follows.
func (w *ResponseWriter) interim(status int, h gatehouse.Header) error {
	if w.req.Minor == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	from := len(w.buf)
	w.statusLine(status)
	if err := w.fields(h, false); err != nil {
		w.buf = w.buf[:from]
		return err
	}
	w.buf = append(w.buf, "\r\n"...)
	return w.flush()
}

func (w *ResponseWriter) fail(err error) error {
	w.buf, w.err, w.aborted, w.close = w.buf[:0], err, true, true
	return err
}

func (w *ResponseWriter) statusLine(status int) {
	w.buf = append(w.buf, "HTTP/1.1 "...)
	w.buf = strconv.AppendInt(w.buf, int64(status), 10)
	w.buf = append(w.buf, ' ')
	w.buf = append(w.buf, reason(status)...)
	w.buf = append(w.buf, "\r\n"...)
}

// fields writes h less what the writer decides itself, and takes the length and
// the wish to close from it.
func (w *ResponseWriter) fields(h gatehouse.Header, upgrade bool) error {
	for i := range h {
		name, value := h[i].Name, h[i].Value
		switch len(name) {
		case 4:
			if gatehouse.EqualFold(name, "Date") {
				continue
			}
		case 7:
			if gatehouse.EqualFold(name, "Upgrade") && !upgrade {
				continue
			}
		case 10:
			if gatehouse.EqualFold(name, "Connection") {
				if gatehouse.EqualFold(value, "close") {
					w.close = true
				}
				if !upgrade {
					continue
				}
			}
			if gatehouse.EqualFold(name, "Keep-Alive") {
				continue
			}
		case 14:
			if gatehouse.EqualFold(name, "Content-Length") {
				n, ok := parseLength(value)
				if !ok || w.length >= 0 && w.length != n {
					return errUnwritable
				}
				w.length = n
				continue
			}
		case 16:
			if gatehouse.EqualFold(name, "Proxy-Connection") {
				continue
			}
		case 17:
			if gatehouse.EqualFold(name, "Transfer-Encoding") {
				continue
			}
		}
		if !appendable(name, value) {
			return errUnwritable
		}
		w.buf = append(w.buf, name...)
		w.buf = append(w.buf, ':', ' ')
		w.buf = append(w.buf, value...)
		w.buf = append(w.buf, '\r', '\n')
	}
	return nil
}

// appendable checks again what is about to be written.
func appendable(name, value string) bool {
	if name == "" {
		return false
	}
	for i := 0; i < len(name); i++ {
		if !token[name[i]] {
			return false
		}
	}
	return gatehouse.ValidValue(value)
}

// frame writes what delimits the body and says whether the connection stays
// (RFC 9112, sections 6 and 9.3).
func (w *ResponseWriter) frame(status int) {
	if w.conn.body.unreadable() {
		w.close = true
	}
	if w.conn.server.draining.Load() {
		w.close = true
	}
	switch {
	case status == 204 || status == 304 || w.req.Method == "HEAD":
		w.bodiless, w.mode = true, bodyLength
		if w.length >= 0 && status != 204 {
			w.contentLength()
		}
		w.length = 0
	case w.length >= 0:
		w.mode = bodyLength
		w.contentLength()
	case w.req.Minor == 1:
		w.mode = bodyChunked
		w.buf = append(w.buf, "Transfer-Encoding: chunked\r\n"...)
	default:
		w.mode, w.close = bodyUntilClose, true
	}
	if w.close {
		w.buf = append(w.buf, "Connection: close\r\n"...)
	} else if w.req.Minor == 0 {
		w.buf = append(w.buf, "Connection: keep-alive\r\n"...)
	}
}

func (w *ResponseWriter) contentLength() {
	w.buf = append(w.buf, "Content-Length: "...)
	w.buf = strconv.AppendInt(w.buf, w.length, 10)
	w.buf = append(w.buf, "\r\n"...)
}

// Write sends a piece of the body. Small pieces are gathered with the head.
func (w *ResponseWriter) Write(p []byte) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case !w.headed || w.upgraded:
		return 0, errors.New("http1: a body without a head")
	case w.bodiless || len(p) == 0:
		return len(p), nil
	case w.mode == bodyLength && w.written+int64(len(p)) > w.length:
		return 0, w.fail(errors.New("http1: the body is longer than announced"))
	}
	w.take()
	w.written += int64(len(p))
	if w.mode == bodyChunked {
		w.buf = strconv.AppendInt(w.buf, int64(len(p)), 16)
		w.buf = append(w.buf, '\r', '\n')
	}
	if len(w.buf)+len(p)+2 <= bufferSize {
		w.buf = append(w.buf, p...)
		if w.mode == bodyChunked {
			w.buf = append(w.buf, '\r', '\n')
		}
		return len(p), nil
	}
	if err := w.gather(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// gather sends what is buffered, p, and a chunk's end with one system call where
// the connection can.
func (w *ResponseWriter) gather(p []byte) error {
	var end []byte
	if w.mode == bodyChunked {
		end = crlf
	}
	c := w.conn
	c.writeBy.Store(c.server.in(w.lim.Write))
	defer c.writeBy.Store(0)
	if t, ok := unwrap(c.net).(*net.TCPConn); ok {
		w.vec = [3][]byte{w.buf, p, end}
		b := net.Buffers(w.vec[:])
		_, w.err = b.WriteTo(t)
		w.vec = [3][]byte{}
	} else {
		if len(w.buf) > 0 {
			_, w.err = c.net.Write(w.buf)
		}
		if w.err == nil {
			_, w.err = c.net.Write(p)
		}
		if w.err == nil && len(end) > 0 {
			w.buf = append(w.buf[:0], end...)
			return nil
		}
	}
	w.buf = w.buf[:0]
	return w.err
}

var crlf = []byte("\r\n")

// unwrap finds the socket below wrappers, for gathered writes.
func unwrap(c net.Conn) net.Conn {
	if u, ok := c.(interface{ Socket() net.Conn }); ok {
		c = u.Socket()
	}
	if s, ok := c.(*Socket); ok {
		return s.TCPConn
	}
	return c
}

// Flush sends what is buffered.
func (w *ResponseWriter) Flush() error {
	if w.err != nil {
		return w.err
	}
	return w.flush()
}

func (w *ResponseWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	err := w.send(w.buf)
	w.buf = w.buf[:0]
	if err != nil {
		w.err = err
	}
	return err
}

func (w *ResponseWriter) send(b []byte) error {
	c := w.conn
	c.writeBy.Store(c.server.in(w.lim.Write))
	_, err := c.net.Write(b)
	c.writeBy.Store(0)
	return err
}

// sendContinue asks for the body, unless the answer has begun. Whoever reads the
// body calls it, so it leaves the writer's buffer alone.
func (w *ResponseWriter) sendContinue() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.headed {
		return nil
	}
	return w.send(continued)
}

var continued = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// WriteTrailer adds trailer fields, which are sent where the body is chunked.
func (w *ResponseWriter) WriteTrailer(h gatehouse.Header) error {
	for _, f := range h {
		if !appendable(f.Name, f.Value) || forbiddenTrailer(f.Name) {
			return errUnwritable
		}
		w.trailer = append(w.trailer, f)
	}
	return nil
}

// Abort breaks the answer off: the connection is closed, so that the client does
// not take it for complete.
func (w *ResponseWriter) Abort() { w.aborted, w.close = true, true }

// Endless says that the answer may pause for long: its client is looked after.
func (w *ResponseWriter) Endless() { w.conn.endless.Store(true) }

// Kept is a place, nil at first, for what the Handler wants to know of the
// connection at each of its requests.
func (w *ResponseWriter) Kept() *any { return &w.conn.kept }

// Upgrade hands out the connection after WriteHead(101).
func (w *ResponseWriter) Upgrade() (io.ReadWriteCloser, error) {
	if !w.upgraded {
		return nil, errors.New("http1: no upgrade was written")
	}
	w.conn.enter(phaseTunnel, 0)
	return &tunnel{Conn: w.conn.net, src: &w.conn.src}, nil
}

// tunnel is a connection after an upgrade; it reads what was buffered first.
type tunnel struct {
	net.Conn
	src *source
}

func (t *tunnel) Read(p []byte) (int, error) { return t.src.Read(p) }

// CloseWrite ends one direction.
func (t *tunnel) CloseWrite() error {
	if h, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return t.Conn.Close()
}

// reset ends the connection with a RST: without a length, a plain close would say
// that the answer is complete.
func (w *ResponseWriter) reset() {
	if t, ok := unwrap(w.conn.net).(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
}

// finish completes the answer; an error means that the client must not take it
// for complete, and the connection is closed.
func (w *ResponseWriter) finish() error {
	switch {
	case w.err != nil:
		return w.err
	case w.upgraded:
		return nil
	case w.aborted:
		_ = w.flush() // what was said was said
		if w.mode == bodyUntilClose {
			w.reset()
		}
		return errors.New("http1: aborted")
	case !w.headed:
		return errors.New("http1: no answer")
	case w.mode == bodyLength && w.written < w.length:
		_ = w.flush()
		return errors.New("http1: the body is shorter than announced")
	case w.mode == bodyChunked && !w.bodiless:
		w.take()
		w.buf = append(w.buf, "0\r\n"...)
		for _, f := range w.trailer {
			w.buf = append(w.buf, f.Name...)
			w.buf = append(w.buf, ": "...)
			w.buf = append(w.buf, f.Value...)
			w.buf = append(w.buf, "\r\n"...)
		}
		w.buf = append(w.buf, "\r\n"...)
	}
	return w.flush()
}
