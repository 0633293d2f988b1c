package gateway

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Door is the net/http door: an http.Handler for HTTP/1.1 and HTTP/2 servers.
type Door struct {
	g    *Gateway
	pool sync.Pool
}

// NewDoor returns the net/http door of g. The server's ConnContext must be
// ConnContext, or TLS fingerprints and the listener's name are unknown.
func NewDoor(g *Gateway) *Door {
	d := &Door{g: g}
	d.pool.New = func() any { return new(visit) }
	return d
}

// visit is one request through the door.
type visit struct {
	x gatehouse.Exchange
	w netWriter
}

// ServeHTTP walks one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := d.pool.Get().(*visit)
	x := &v.x
	x.Start = time.Now()
	info, _ := r.Context().Value(connKey{}).(*ConnInfo)
	if info != nil {
		x.Peer.Socket, x.Peer.Listener = info.Remote, info.Listener
		x.Peer.Fingerprint = info.Fingerprint()
	} else if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		x.Peer.Socket = ap
	}
	x.Peer.TLS = r.TLS
	q := &x.Request
	q.Proto, q.Method, q.Target, q.Authority = r.Proto, r.Method, r.RequestURI, r.Host
	q.Scheme = "http"
	if r.TLS != nil {
		q.Scheme = "https"
	}
	for name, values := range r.Header {
		for _, value := range values {
			q.Header = append(q.Header, gatehouse.Field{Name: name, Value: value})
		}
	}
	lim := &d.g.Snapshot().Limits
	v.w = netWriter{w: w, http1: r.ProtoMajor == 1, timeout: lim.WriteTimeout}
	// net/http overlooks a Transfer-Encoding in HTTP/1.0, so what follows such a
	// request on the connection may be its body (RFC 9112, section 6.1).
	v.w.close = r.ProtoMajor == 1 && r.ProtoMinor == 0
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		body := &pacedBody{body: r.Body, w: w, http1: v.w.http1, start: x.Start, timeout: lim.ReadTimeout}
		body.pace()
		q.Body.Source, q.Body.Length, v.w.body = body, r.ContentLength, body
		v.w.expected = r.Header.Get("Expect") != ""
		defer body.end(v.w.expected)
	}
	if info != nil && info.stale(r.TLS) {
		v.w.close = true
		d.g.Refuse(r.Context(), x, &v.w, errStale)
	} else {
		d.g.Serve(r.Context(), x, &v.w)
	}
	v.w.finish()
	if info != nil && r.ProtoMajor == 2 {
		info.streamEnded(r.Context().Err() != nil && time.Since(x.Start) < takenBackWithin)
	}
	abort := v.w.aborted
	if abort && r.Proto == "HTTP/1.0" {
		v.w.reset()
	}
	v.w = netWriter{}
	x.Reset()
	d.pool.Put(v)
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// netWriter is a gatehouse.ResponseWriter on net/http's.
type netWriter struct {
	w        http.ResponseWriter
	body     *pacedBody // of the request, nil for none
	http1    bool
	expected bool // the client waits to be asked for the body
	close    bool // the connection ends with the answer
	timeout  time.Duration
	deadline time.Time
	endless  bool
	hijacked bool
	aborted  bool
}

func (w *netWriter) WriteHead(status int, h gatehouse.Header) error {
	if status == http.StatusSwitchingProtocols {
		return w.switchProtocols(h)
	}
	out := w.w.Header()
	if status < 200 {
		if w.http1 && w.expected && !w.body.done.Load() {
			// net/http writes 100 Continue in whatever goroutine reads the body, and
			// guards its buffer against no other interim answer.
			return nil
		}
		w.extend()
		for _, f := range h {
			out.Add(f.Name, f.Value)
		}
		w.w.WriteHeader(status)
		clear(out)
		return nil
	}
	// One array holds all values: net/http reads the map after the handler has
	// returned, so it cannot be pooled.
	values := make([]string, len(h))
	for i, f := range h {
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		if have := out[name]; have != nil {
			out[name] = append(have, f.Value)
			continue
		}
		values[i] = f.Value
		out[name] = values[i : i+1 : i+1]
	}
	if _, ok := out["Content-Type"]; !ok {
		out["Content-Type"] = nil // no sniffing
	}
	w.duplex()
	if w.close {
		out["Connection"] = connectionClose
	}
	w.extend()
	w.w.WriteHeader(status)
	return nil
}

var connectionClose = []string{"close"}

// duplex keeps net/http's HTTP/1.1 from reading the rest of the body itself when
// the answer begins, while the upstream is still being sent it. What is then left
// unread at the end cannot be told from a next request.
func (w *netWriter) duplex() {
	if w.http1 && w.body != nil && w.body.lent && !w.body.done.Load() {
		w.close = true
		_ = http.NewResponseController(w.w).EnableFullDuplex()
	}
}

func (w *netWriter) Write(p []byte) (int, error) {
	w.extend()
	n, err := w.w.Write(p)
	w.rest()
	return n, err
}

// extend gives the client WriteTimeout for each piece of a long answer, at the
// price of a clock reading.
func (w *netWriter) extend() {
	if w.timeout <= 0 {
		return
	}
	now := time.Now()
	if w.deadline.Sub(now) < w.timeout/2 {
		w.deadline = now.Add(w.timeout)
		_ = http.NewResponseController(w.w).SetWriteDeadline(w.deadline)
	}
}

func (w *netWriter) Flush() error {
	w.extend()
	err := http.NewResponseController(w.w).Flush()
	w.rest()
	return err
}

// Endless says that the answer may pause for longer than any timeout between its
// pieces.
func (w *netWriter) Endless() { w.endless = true }

// rest lifts the deadline while an endless answer has nothing to say: HTTP/2
// resets a stream whose deadline passes, written to or not.
func (w *netWriter) rest() {
	if w.endless && w.timeout > 0 {
		w.deadline = time.Time{}
		_ = http.NewResponseController(w.w).SetWriteDeadline(time.Time{})
	}
}

// finish sees to it that the last of an endless answer waits for nobody for ever.
func (w *netWriter) finish() {
	if w.endless && !w.hijacked {
		w.extend()
	}
}

func (w *netWriter) WriteTrailer(h gatehouse.Header) error {
	if w.http1 { // a short answer would be sent with a length, which leaves no room for trailers
		if err := w.Flush(); err != nil {
			return err
		}
	}
	for _, f := range h {
		w.w.Header().Add(http.TrailerPrefix+textproto.CanonicalMIMEHeaderKey(f.Name), f.Value)
	}
	return nil
}

// Abort breaks the answer off: the door panics with http.ErrAbortHandler, which
// resets the stream or closes the connection.
func (w *netWriter) Abort() { w.aborted = !w.hijacked }

// reset ends a connection with a RST: to HTTP/1.0 a plain close says that an
// answer without a length is complete.
func (w *netWriter) reset() {
	c, _, err := http.NewResponseController(w.w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	for {
		switch layer := c.(type) {
		case interface{ SetLinger(int) error }:
			_ = layer.SetLinger(0)
			return
		case interface{ NetConn() net.Conn }:
			c = layer.NetConn()
		case interface{ Socket() net.Conn }:
			c = layer.Socket()
		default:
			return
		}
	}
}

// switchProtocols defers to Upgrade, which writes the head itself.
func (w *netWriter) switchProtocols(h gatehouse.Header) error {
	out := w.w.Header()
	for _, f := range h {
		out.Add(f.Name, f.Value)
	}
	return nil
}

func (w *netWriter) Upgrade() (io.ReadWriteCloser, error) {
	conn, buf, err := http.NewResponseController(w.w).Hijack()
	if err != nil {
		return nil, err
	}
	w.hijacked = true
	if err := conn.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, err
	}
	head := "HTTP/1.1 101 Switching Protocols\r\n"
	for name, values := range w.w.Header() {
		for _, value := range values {
			head += name + ": " + inert(value) + "\r\n"
		}
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		conn.Close()
		return nil, err
	}
	return &hijackedConn{conn, buf.Reader}, nil
}

// hijackedConn reads what net/http had buffered first, and then past net/http,
// which would take the end of what the client sends for the end of the client.
type hijackedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *hijackedConn) Read(p []byte) (int, error) {
	if c.r.Buffered() > 0 {
		return c.r.Read(p)
	}
	return c.Conn.Read(p)
}

// CloseWrite half-closes, so that a tunnel can end one way at a time.
func (c *hijackedConn) CloseWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return c.Conn.Close()
}

// pacedBody cuts off a client that sends its body too slowly: it has ReadTimeout,
// and a second more for each bodyRate bytes it sent. It is not pooled: a transport
// may read on a little after the exchange has ended.
type pacedBody struct {
	body    io.ReadCloser
	http1   bool
	start   time.Time
	timeout time.Duration
	got     int64
	set     time.Time
	lent    bool        // to the forwarder, who reads it while the answer is written
	done    atomic.Bool // it was read to its end

	mu sync.Mutex
	w  http.ResponseWriter // nil once the exchange has ended
}

const (
	bodyRate = 4 << 10 // bytes per second, at the least
	// lingerTime is what the client of an answer that did not wait for the body has
	// to send the rest of it, so that it can read the answer.
	lingerTime = 2 * time.Second
)

// Lend says that the forwarder reads the body from now on. An endless one has no
// pace: gRPC's messages may be hours apart.
func (b *pacedBody) Lend(endless bool) {
	b.lent = true
	if endless && b.timeout > 0 {
		b.timeout = 0
		b.deadline(time.Time{})
	}
}

// pace sets the deadline that the bytes so far have earned. It is set before the
// first read: net/http waits for a body that nobody wanted as well.
func (b *pacedBody) pace() {
	if b.timeout <= 0 {
		return
	}
	deadline := b.start.Add(b.timeout + time.Duration(b.got/bodyRate)*time.Second)
	if deadline.Sub(b.set) > time.Second {
		b.set = deadline
		b.deadline(deadline)
	}
}

func (b *pacedBody) Read(p []byte) (int, error) {
	b.pace()
	n, err := b.body.Read(p)
	b.got += int64(n)
	if err == io.EOF && b.done.CompareAndSwap(false, true) {
		b.deadline(time.Time{}) // net/http watches for the client going away by reading on
	}
	if err != nil && err != io.EOF {
		err = b.trouble(err)
	}
	return n, err
}

// trouble tells a client that is too slow, or breaks the framing, from one that
// has gone: net/http ends the request's context for all of them, so that the
// upstream cuts the body short. That ends a wait before its time.
func (b *pacedBody) trouble(err error) error {
	var wire net.Error
	switch {
	case errors.As(err, &wire):
		if wire.Timeout() && b.timeout > 0 && !time.Now().Before(b.set) {
			return errSlowBody
		}
	case b.http1 && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, http.ErrBodyReadAfterClose):
		return &gatehouse.Error{Code: "body.malformed", Status: 400, Message: "the body is not what its framing says", Err: err}
	}
	return err
}

func (b *pacedBody) deadline(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.w != nil {
		_ = http.NewResponseController(b.w).SetReadDeadline(at)
	}
}

// SetReadDeadline cuts a wait for the client short, for an upstream that has
// answered before the body was through. After its end nobody waits.
func (b *pacedBody) SetReadDeadline(at time.Time) error {
	if !b.done.Load() {
		b.deadline(at)
	}
	return nil
}

// end takes the body out of the exchange. net/http's HTTP/1.1 reads on for a
// while; not for long, and not at all where the client waits to be asked for it.
func (b *pacedBody) end(expect bool) {
	if b.http1 && !b.done.Load() {
		switch linger := time.Now().Add(lingerTime); {
		case expect && b.got == 0:
			b.deadline(time.Unix(1, 0))
		case b.timeout <= 0 || linger.Before(b.set):
			b.deadline(linger)
		}
	}
	b.mu.Lock()
	b.w = nil
	b.mu.Unlock()
}
