package http1

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// A Socket is a TCP connection whose Read and Write leave Go's scheduler alone. Its
// system calls never wait, so there is nothing to tell the scheduler: told of
// every call, it would look after this thread many thousand times a second.
// Waiting is done by the network poller, as ever; deadlines hold.
type Socket struct {
	*net.TCPConn
	raw syscall.RawConn

	reading sync.Mutex // of what follows
	in      []byte
	got     int
	readErr error
	read    func(fd uintptr) bool

	eager atomic.Bool

	writing  sync.Mutex // of what follows
	out      []byte
	sent     int
	writeErr error
	write    func(fd uintptr) bool
}

// NewSocket makes a Socket of c, which is returned as it is where it is no TCP
// connection.
func NewSocket(c net.Conn) net.Conn {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return c
	}
	s := &Socket{TCPConn: t, raw: raw}
	s.read, s.write = s.tryRead, s.tryWrite
	return s
}

// SetEager says whether writes go out at once, rather than after what others have
// ready: in a handshake the other side waits for each, and has much to do then.
func (s *Socket) SetEager(on bool) { s.eager.Store(on) }

// SyscallConn gives access to the descriptor.
func (s *Socket) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// Read reads what is there, or waits for some.
func (s *Socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	s.in, s.got, s.readErr = p, 0, nil
	err := s.raw.Read(s.read)
	s.in = nil
	if err == nil {
		err = s.readErr
	}
	return s.got, err
}

func (s *Socket) tryRead(fd uintptr) bool {
	n, err := readSocket(fd, s.in)
	if err == syscall.EAGAIN {
		return false
	}
	s.got, s.readErr = n, readError(n, err)
	return true
}

// readError is the error of a system call that read n bytes.
func readError(n int, err error) error {
	switch {
	case err != nil:
		return os.NewSyscallError("read", err)
	case n == 0:
		return io.EOF
	}
	return nil
}

// maxUntold is how much is handed to the kernel at once without telling the
// scheduler: a large piece takes its time, though it never waits.
const maxUntold = 32 << 10

// Write writes p, and waits where the socket takes only a part.
func (s *Socket) Write(p []byte) (int, error) {
	if len(p) > maxUntold {
		return s.TCPConn.Write(p)
	}
	if !s.eager.Load() {
		yield()
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.out, s.sent, s.writeErr = p, 0, nil
	err := s.raw.Write(s.write)
	s.out = nil
	if s.writeErr != nil {
		err = s.writeErr
	}
	return s.sent, err
}

func (s *Socket) tryWrite(fd uintptr) bool {
	for s.sent < len(s.out) {
		n, err := writeSocket(fd, s.out[s.sent:])
		if err == syscall.EAGAIN {
			return false
		}
		if err != nil {
			s.writeErr = os.NewSyscallError("write", err)
			return true
		}
		s.sent += n
	}
	return true
}
