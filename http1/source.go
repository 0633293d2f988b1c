package http1

import (
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/gatehouse/gatehouse"
)

// bufferSize is what a connection reads into: most heads fit.
const bufferSize = 4 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// source reads a connection through a pooled buffer that it holds only while
// there is something in it or a read is under way.
type source struct {
	conn net.Conn
	buf  []byte
	own  *[]byte // the pooled buffer behind buf, nil where buf has grown or is gone
	r, w int     // what is buffered: buf[r:w]

	// A plain TCP connection is waited on without a buffer.
	raw    syscall.RawConn
	ready  func(fd uintptr) bool
	n      int
	rawErr error
}

func (s *source) open(c net.Conn) {
	s.conn = c
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			s.raw = raw
			s.ready = s.tryRead
		}
	}
}

// take gets a buffer.
func (s *source) take() {
	if s.buf == nil {
		s.own = buffers.Get().(*[]byte)
		s.buf = *s.own
	}
}

// release gives the buffer back where it is empty.
func (s *source) release() {
	if s.r < s.w {
		return
	}
	if s.own != nil {
		buffers.Put(s.own)
	}
	s.buf, s.own, s.r, s.w = nil, nil, 0, 0
}

// drop gives the buffer back, whatever is in it.
func (s *source) drop() {
	s.r, s.w = 0, 0
	s.release()
}

func (s *source) buffered() int { return s.w - s.r }

// tryRead is called by the runtime when the socket may be readable. Where it is
// not, it gives the buffer back and waits without one.
func (s *source) tryRead(fd uintptr) bool {
	s.take()
	n, err := readSocket(fd, s.buf[s.w:])
	if err == syscall.EAGAIN {
		s.release()
		return false
	}
	s.n, s.rawErr = n, readError(n, err)
	return true
}

// fill reads more into the buffer. It returns an error only where nothing came.
func (s *source) fill() error {
	if s.r == s.w {
		s.r, s.w = 0, 0
		if s.raw != nil {
			if err := s.raw.Read(s.ready); err != nil {
				return err
			}
			s.w += s.n
			if s.n > 0 {
				return nil
			}
			return s.rawErr
		}
	}
	s.take()
	if s.w == len(s.buf) {
		if s.r > 0 {
			s.w = copy(s.buf, s.buf[s.r:s.w])
			s.r = 0
		} else {
			s.grow()
		}
	}
	n, err := s.conn.Read(s.buf[s.w:])
	s.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

func (s *source) grow() {
	bigger := make([]byte, 2*len(s.buf))
	s.w = copy(bigger, s.buf[s.r:s.w])
	s.r = 0
	if s.own != nil {
		buffers.Put(s.own)
		s.own = nil
	}
	s.buf = bigger
}

// Read serves what is buffered, then reads the connection, past the buffer where
// p is as large.
func (s *source) Read(p []byte) (int, error) {
	if s.r == s.w {
		if len(p) >= bufferSize {
			s.release()
			return s.conn.Read(p)
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.buf[s.r:s.w])
	s.r += n
	return n, nil
}

// byte reads one byte of a message: the end of the connection is unexpected.
func (s *source) byte() (byte, error) {
	if s.r == s.w {
		if err := s.fill(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
	c := s.buf[s.r]
	s.r++
	return c, nil
}

// head reads up to the end of a message head and returns it as one string, with
// the line ends in l.
func (s *source) head(l *lines, lim *Limits) (string, *gatehouse.Error, error) {
	l.reset()
	for {
		n, refused := l.find(s.buf[s.r:s.w], lim)
		if refused != nil {
			return "", refused, nil
		}
		if n > 0 {
			head := string(s.buf[s.r : s.r+n])
			s.r += n
			return head, nil, nil
		}
		if err := s.fill(); err != nil {
			if err == io.EOF && s.w > s.r {
				err = io.ErrUnexpectedEOF
			}
			return "", nil, err
		}
	}
}
