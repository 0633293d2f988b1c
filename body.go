package gatehouse

import (
	"errors"
	"io"
)

// BodyNeed says how much of a body a Control wants to see.
type BodyNeed uint8

const (
	BodyNone   BodyNeed = iota // the head suffices
	BodyWhole                  // all of it, bounded, before Check is called
	BodyStream                 // as it passes
)

// ErrBodyTooLarge is returned when a body exceeds the operation's limit.
var ErrBodyTooLarge = errors.New("gatehouse: body exceeds the limit")

// Body is a message body that is read at most once. While nobody asked for the
// whole, it streams; after [Body.ReadWhole] everybody, the upstream included,
// sees the same bytes.
type Body struct {
	// Source is what the door reads from; nil where there is no body.
	Source io.Reader
	// Length is the announced length in bytes, -1 where unknown.
	Length int64

	whole []byte
	have  bool
	off   int
	taken int64
}

// Present reports whether the message has a body, be it of unknown length.
func (b *Body) Present() bool { return b.Source != nil || len(b.whole) > 0 }

// Bytes returns the whole body, and false while it has not been read whole. The
// bytes are shared: nobody writes to them.
func (b *Body) Bytes() ([]byte, bool) { return b.whole, b.have }

// Taken returns the number of body bytes that have been read from the client.
func (b *Body) Taken() int64 { return b.taken }

// Started reports whether anything has been read from the source. A request
// whose body has started and is not held whole cannot be sent twice.
func (b *Body) Started() bool { return b.taken > 0 && !b.have }

// ReadWhole reads the body once, up to limit bytes, and keeps it. It returns
// ErrBodyTooLarge where the body is longer, and the source's own error where it
// breaks off; the body is then unusable and the exchange is refused.
func (b *Body) ReadWhole(limit int64) error {
	if b.have {
		return nil
	}
	if b.Source == nil {
		b.have = true
		return nil
	}
	if b.Length > limit {
		return ErrBodyTooLarge
	}
	// The announced length is the client's word: memory grows with what arrives. One
	// byte more lets the end be seen without growing.
	size := int64(512)
	if b.Length > 0 {
		size = min(b.Length+1, 64<<10)
	}
	buf := make([]byte, 0, size)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := b.Source.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		b.taken += int64(n)
		if int64(len(buf)) > limit {
			return ErrBodyTooLarge
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	b.whole, b.have, b.Length = buf, true, int64(len(buf))
	return nil
}

// Read streams the body to the upstream: from memory where it was read whole.
func (b *Body) Read(p []byte) (int, error) {
	if b.have {
		if b.off >= len(b.whole) {
			return 0, io.EOF
		}
		n := copy(p, b.whole[b.off:])
		b.off += n
		return n, nil
	}
	if b.Source == nil {
		return 0, io.EOF
	}
	n, err := b.Source.Read(p)
	b.taken += int64(n)
	return n, err
}

// Rewind lets a body that is held whole be sent once more, and reports whether
// it could.
func (b *Body) Rewind() bool {
	if b.Source == nil && !b.have {
		return true
	}
	if !b.have {
		return b.taken == 0
	}
	b.off = 0
	return true
}
