//go:build !linux

package http1

import "syscall"

// goneFrom looks, without taking them, for the peer's next bytes: an error is a
// reset, none the end of what it sends.
func goneFrom(raw syscall.RawConn, halfClosed bool) bool {
	gone := false
	_ = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		switch {
		case err == syscall.EAGAIN || err == syscall.EINTR:
		case err != nil:
			gone = true
		case n == 0:
			gone = halfClosed
		}
	})
	return gone
}
