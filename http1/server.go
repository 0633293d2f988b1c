package http1

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A Handler answers requests.
type Handler interface {
	// ServeHTTP1 answers one request. The Request and its Header are valid until it
	// returns; the strings in them for as long as anybody keeps them.
	ServeHTTP1(ctx context.Context, r *Request, body *Body, w *ResponseWriter)
	// RefuseHTTP1 answers a message that could not be read: r holds what was. The
	// connection is closed afterwards.
	RefuseHTTP1(ctx context.Context, r *Request, err *gatehouse.Error, w *ResponseWriter)
}

// Server serves connections. Its fields are set before the first one.
type Server struct {
	Handler Handler
	// Limits are read anew for each request; nil stands for DefaultLimits.
	Limits func() *Limits

	start    sync.Once
	clock    atomic.Int64 // nanoseconds since epoch, monotonic, renewed by the janitor
	date     atomic.Pointer[string]
	draining atomic.Bool

	mu     sync.Mutex
	conns  map[*Conn]struct{}
	idle   chan struct{} // closed when the last connection ends while draining
	closed chan struct{}
}

const (
	// tick is the janitor's pace, and so the grain of all timeouts.
	tick = 250 * time.Millisecond
	// lookAfter is how long a request may take before its client is looked after.
	lookAfter = time.Second
)

func (s *Server) init() {
	s.start.Do(func() {
		s.conns = map[*Conn]struct{}{}
		s.idle, s.closed = make(chan struct{}), make(chan struct{})
		s.setClock(time.Now())
		go s.janitor()
	})
}

func (s *Server) setClock(now time.Time) {
	s.clock.Store(int64(now.Sub(epoch)) + 1) // 0 stands for no time at all
	countProcessors()
	d := now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	s.date.Store(&d)
}

func (s *Server) limits() *Limits {
	if s.Limits != nil {
		return s.Limits()
	}
	d := DefaultLimits()
	return &d
}

// janitor looks at every connection now and then: who is too slow is cut off, and
// whose client is gone is told.
func (s *Server) janitor() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-s.closed:
			return
		case now := <-t.C:
			s.setClock(now)
			at := s.clock.Load()
			s.mu.Lock()
			for c := range s.conns {
				c.inspect(at)
			}
			s.mu.Unlock()
		}
	}
}

// ServeConn serves a connection until it ends. ctx is the parent of every
// request's context. read is what was read of the connection already.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn, read []byte) {
	s.init()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &Conn{server: s, net: nc, cancel: cancel}
	c.src.open(nc)
	c.w.conn = c
	if len(read) > 0 {
		c.src.take()
		for len(c.src.buf) < len(read) {
			c.src.grow()
		}
		c.src.w = copy(c.src.buf, read)
	}
	s.mu.Lock()
	late := s.draining.Load() // nobody would look after it
	if !late {
		s.conns[c] = struct{}{}
	}
	s.mu.Unlock()
	defer s.forget(c)
	if late {
		return
	}
	c.serve(ctx)
}

func (s *Server) forget(c *Conn) {
	c.net.Close()
	c.src.drop()
	c.w.drop()
	s.mu.Lock()
	delete(s.conns, c)
	last := s.draining.Load() && len(s.conns) == 0
	s.mu.Unlock()
	if last {
		s.drained()
	}
}

func (s *Server) drained() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

// Shutdown ends idle connections at once and the others after the exchange they
// are in; it returns when all have ended, or cuts them when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	s.draining.Store(true)
	s.mu.Lock()
	for c := range s.conns {
		if c.phase.Load() == phaseIdle {
			_ = c.net.SetReadDeadline(time.Unix(1, 0))
		}
	}
	none := len(s.conns) == 0
	s.mu.Unlock()
	if none {
		s.drained()
	}
	var err error
	select {
	case <-s.idle:
	case <-ctx.Done():
		err = ctx.Err()
		s.mu.Lock()
		for c := range s.conns {
			c.cancel()
			c.net.Close()
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return err
}

// Open returns the number of connections.
func (s *Server) Open() int {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
