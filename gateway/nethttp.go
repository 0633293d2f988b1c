package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"sync"
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
	v.w = netWriter{w: w, timeout: lim.WriteTimeout}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		body := &pacedBody{body: r.Body, w: w, start: x.Start, timeout: lim.ReadTimeout}
		defer body.end()
		q.Body.Source, q.Body.Length = body, r.ContentLength
	}
	d.g.Serve(r.Context(), x, &v.w)
	if info != nil && r.ProtoMajor == 2 {
		info.streamEnded(r.Context().Err() != nil && time.Since(x.Start) < takenBackWithin)
	}
	abort := v.w.aborted
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
	w.extend()
	w.w.WriteHeader(status)
	return nil
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

func (w *netWriter) WriteTrailer(h gatehouse.Header) error {
	for _, f := range h {
		w.w.Header().Add(http.TrailerPrefix+textproto.CanonicalMIMEHeaderKey(f.Name), f.Value)
	}
	return nil
}

// Abort breaks the answer off: the door panics with http.ErrAbortHandler, which
// resets the stream or closes the connection.
func (w *netWriter) Abort() { w.aborted = !w.hijacked }

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
			head += name + ": " + value + "\r\n"
		}
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		conn.Close()
		return nil, err
	}
	return &hijackedConn{conn, buf.Reader}, nil
}

// hijackedConn reads what net/http had buffered first.
type hijackedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *hijackedConn) Read(p []byte) (int, error) { return c.r.Read(p) }

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
	start   time.Time
	timeout time.Duration
	got     int64
	set     time.Time

	mu sync.Mutex
	w  http.ResponseWriter // nil once the exchange has ended
}

const bodyRate = 4 << 10 // bytes per second, at the least

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.timeout > 0 {
		deadline := b.start.Add(b.timeout + time.Duration(b.got/bodyRate)*time.Second)
		if deadline.Sub(b.set) > time.Second {
			b.set = deadline
			b.deadline(deadline)
		}
	}
	n, err := b.body.Read(p)
	b.got += int64(n)
	if err == io.EOF {
		b.deadline(time.Time{}) // net/http watches for the client going away by reading on
	}
	return n, err
}

func (b *pacedBody) deadline(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.w != nil {
		_ = http.NewResponseController(b.w).SetReadDeadline(at)
	}
}

// SetReadDeadline cuts a wait for the client short, for an upstream that has
// answered before the body was through.
func (b *pacedBody) SetReadDeadline(at time.Time) error {
	b.deadline(at)
	return nil
}

func (b *pacedBody) end() {
	b.mu.Lock()
	b.w = nil
	b.mu.Unlock()
}
