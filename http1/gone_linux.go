package http1

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Of TCP's states (tcp_states.h in Linux) those without a sending peer.
const (
	tcpClose     = 7 // reset
	tcpCloseWait = 8 // the peer has sent its last byte
)

// goneFrom asks the kernel, without reading, how the connection is: reset, or,
// where that counts, closed on the peer's sending side.
func goneFrom(raw syscall.RawConn, halfClosed bool) bool {
	gone := false
	_ = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		gone = err == nil && (info.State == tcpClose || halfClosed && info.State == tcpCloseWait)
	})
	return gone
}
