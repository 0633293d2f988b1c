package http1

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

var noDeadline time.Time

// compose writes the head, and the body where it goes with it, to cn.out.
func (cn *clientConn) compose(r *Outgoing, inline bool) error {
	pool, size := &buffers, bufferSize
	if inline && len(r.Whole) > bufferSize/2 {
		pool, size = &largeBuffers, 2*inlineBody
	}
	cn.large = size != bufferSize
	cn.own = pool.Get().(*[]byte)
	b, ok := appendHead((*cn.own)[:0], r)
	if !ok {
		cn.freeOut()
		return errUnwritable
	}
	if inline {
		b = append(b, r.Whole...)
	}
	cn.out = b
	return nil
}

// freeOut gives the buffer back.
func (cn *clientConn) freeOut() {
	if cn.own == nil {
		return
	}
	if cn.large {
		largeBuffers.Put(cn.own)
	} else {
		buffers.Put(cn.own)
	}
	cn.out, cn.own = nil, nil
}

// appendHead writes a request's head. It is not ok where a value would have added
// a line.
func appendHead(b []byte, r *Outgoing) (_ []byte, ok bool) {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.Path...)
	if r.Query != "" {
		b = append(b, '?')
		b = append(b, r.Query...)
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, r.Host...)
	b = append(b, '\r', '\n')
	lines := 3
	switch {
	case r.Body != nil && r.Length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		lines++
	case r.Body != nil:
		b = appendLength(b, r.Length)
		lines++
	case len(r.Whole) > 0 || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH":
		b = appendLength(b, int64(len(r.Whole)))
		lines++
	}
	b, n := appendFields(b, r.Header)
	lines += n
	switch {
	case r.Upgrade != "":
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, r.Upgrade...)
		b = append(b, '\r', '\n')
		lines += 2
	case r.Trailers:
		b = append(b, "Connection: TE\r\nTE: trailers\r\n"...)
		lines += 2
	}
	b = append(b, '\r', '\n')
	return b, bytes.Count(b, lf) == lines && bytes.Count(b, cr) == lines
}

var lf, cr = []byte{'\n'}, []byte{'\r'}

func appendLength(b []byte, n int64) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, '\r', '\n')
}

// appendFields writes the fields that go beyond this connection, and counts them.
func appendFields(b []byte, h gatehouse.Header) (_ []byte, n int) {
	named := false
	for i := range h {
		if len(h[i].Name) == len("Connection") && gatehouse.EqualFold(h[i].Name, "Connection") {
			named = true
		}
	}
	for i := range h {
		f := &h[i]
		if staysHere(f.Name) || named && namedByConnection(h, f.Name) {
			continue
		}
		b = append(b, f.Name...)
		b = append(b, ':', ' ')
		b = append(b, f.Value...)
		b = append(b, '\r', '\n')
		n++
	}
	return b, n
}

// namedByConnection reports whether a Connection field lists name.
func namedByConnection(h gatehouse.Header, name string) bool {
	for i := range h {
		if !gatehouse.EqualFold(h[i].Name, "Connection") {
			continue
		}
		for option := range strings.SplitSeq(h[i].Value, ",") {
			if gatehouse.EqualFold(trim(option), name) {
				return true
			}
		}
	}
	return false
}

// staysHere reports the request fields that belong to one connection, to framing,
// or to whoever writes the message.
func staysHere(name string) bool {
	is := func(s string) bool { return gatehouse.EqualFold(name, s) }
	if len(name) > 6 && name[0]|0x20 == 'p' && gatehouse.EqualFold(name[:6], "proxy-") {
		return true
	}
	switch len(name) {
	case 0:
		return true
	case 2:
		return is("TE")
	case 4:
		return is("Host")
	case 6:
		return is("Expect") // it has been answered when the body was first read
	case 7:
		return is("Trailer") || is("Upgrade")
	case 10:
		return is("Connection") || is("Keep-Alive")
	case 14:
		return is("Content-Length") || is("HTTP2-Settings")
	case 17:
		return is("Transfer-Encoding")
	}
	return false
}

// carry writes a body that did not go with its head, beside the goroutine that
// waits for the answer. A body that breaks ends the connection: the endpoint must
// not take it for complete.
func (cn *clientConn) carry(whole []byte, r io.Reader, length int64) {
	var err error
	if r == nil {
		err = cn.carryWhole(whole)
	} else {
		err = cn.carryStream(r, length)
	}
	cn.writeBy.Store(0)
	if err != nil {
		cn.upload.Store(uploadFailed)
		return
	}
	cn.readBy.CompareAndSwap(awaiting, clock.Load()+int64(cn.client.Head)+int64(beat))
	cn.upload.Store(uploadDone)
}

func (cn *clientConn) carryWhole(whole []byte) error {
	for len(whole) > 0 {
		n := min(len(whole), 4*inlineBody)
		if err := cn.push(whole[:n]); err != nil {
			return err
		}
		whole = whole[n:]
	}
	return nil
}

// push writes a piece within the time for one write.
func (cn *clientConn) push(p []byte) error {
	if cn.client.Silence > 0 {
		cn.writeBy.Store(clock.Load() + int64(cn.client.Silence) + int64(beat))
	}
	_, err := cn.net.Write(p)
	cn.writeBy.Store(0)
	if err != nil {
		// The endpoint may have answered before it closed: who waits for the head
		// finds out. It does not wait for longer than if all had been sent.
		cn.readBy.CompareAndSwap(awaiting, clock.Load()+int64(cn.client.Head)+int64(beat))
	}
	return err
}

// chunkRoom is what a chunk's size line takes at most.
const chunkRoom = 8

func (cn *clientConn) carryStream(r io.Reader, length int64) error {
	own := largeBuffers.Get().(*[]byte)
	defer largeBuffers.Put(own)
	buf := *own
	for {
		n, rerr := r.Read(buf[chunkRoom : len(buf)-len(chunkEnd)])
		if rerr != nil && rerr != io.EOF {
			cn.net.Close()
			return rerr
		}
		piece := buf[chunkRoom : chunkRoom+n]
		if length < 0 {
			piece = chunk(buf, n, rerr == io.EOF)
		}
		if len(piece) > 0 {
			if err := cn.push(piece); err != nil {
				return err
			}
		}
		if rerr == io.EOF {
			return nil
		}
	}
}

const chunkEnd = "\r\n0\r\n\r\n"

// chunk frames the n bytes at buf[chunkRoom:], and the end of the body if last.
func chunk(buf []byte, n int, last bool) []byte {
	start, end := chunkRoom, chunkRoom+n
	if n > 0 {
		var line [chunkRoom]byte
		size := append(strconv.AppendInt(line[:0], int64(n), 16), '\r', '\n')
		start -= copy(buf[chunkRoom-len(size):], size)
		end += copy(buf[end:], "\r\n")
	}
	if last {
		end += copy(buf[end:], "0\r\n\r\n")
	}
	return buf[start:end]
}
