package http1

import (
	"io"

	"github.com/gatehouse/gatehouse"
)

// body reads one message's body from a source, exactly to its end.
type body struct {
	src    *source
	lim    *Limits
	left   int64 // of a body with a length, or of the current chunk
	mode   uint8
	err    error // sticky, io.EOF at the end
	ext    int   // bytes of chunk extensions so far
	first  bool  // no chunk has been read
	before func() error
	// dropTrailers leaves out forbidden trailer fields instead of refusing them.
	dropTrailers bool
	// trailer gets the trailer section of a chunked body.
	trailer gatehouse.Header
}

const (
	bodyNone = iota
	bodyLength
	bodyChunked
	bodyUntilClose
)

// open prepares for a body of the given length (Chunked and UntilClose included).
func (b *body) open(src *source, lim *Limits, length int64) {
	*b = body{src: src, lim: lim, trailer: b.trailer[:0]}
	switch {
	case length == Chunked:
		b.mode, b.first = bodyChunked, true
	case length == UntilClose:
		b.mode = bodyUntilClose
	case length > 0:
		b.mode, b.left = bodyLength, length
	default:
		b.mode, b.err = bodyNone, io.EOF
	}
}

// done reports whether the body was read to its end, so that what follows on the
// connection is the next message.
func (b *body) done() bool { return b.err == io.EOF }

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.before != nil {
		f := b.before
		b.before = nil
		if err := f(); err != nil {
			b.err = err
			return 0, err
		}
	}
	switch b.mode {
	case bodyLength:
		return b.readPart(p, io.EOF)
	case bodyUntilClose:
		n, err := b.src.Read(p)
		b.err = err
		return n, err
	}
	if b.left == 0 {
		if err := b.nextChunk(); err != nil {
			b.err = err
			return 0, err
		}
	}
	return b.readPart(p, nil)
}

// readPart reads of what is left; at its end it returns end with the bytes.
func (b *body) readPart(p []byte, end error) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.src.Read(p)
	b.left -= int64(n)
	if b.left == 0 {
		b.err = end
		return n, end
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	b.err = err
	return n, err
}

// nextChunk reads a chunk's size line (RFC 9112, section 7.1), after the CRLF of
// the chunk before it. It returns io.EOF after the last one and its trailers.
func (b *body) nextChunk() error {
	if !b.first {
		if err := b.crlf(); err != nil {
			return err
		}
	}
	b.first = false
	size, err := b.chunkSize()
	if err != nil {
		return err
	}
	if size == 0 {
		if err := b.readTrailer(); err != nil {
			return err
		}
		return io.EOF
	}
	b.left = size
	return nil
}

func (b *body) crlf() error {
	for _, want := range []byte("\r\n") {
		c, err := b.src.byte()
		if err != nil {
			return err
		}
		if c != want {
			return bad("chunk_end", "a chunk's data does not end with CRLF")
		}
	}
	return nil
}

// chunkSize reads 1 to 15 hexadecimal digits, an extension that nobody needs but
// that must be well-formed and short, and CRLF.
func (b *body) chunkSize() (int64, error) {
	size, n := int64(0), 0
	for {
		c, err := b.src.byte()
		if err != nil {
			return 0, err
		}
		if v := hexValue[c]; v >= 0 {
			if n++; n > 15 {
				return 0, bad("chunk_size", "a chunk's size has too many digits")
			}
			size = size<<4 | int64(v)
			continue
		}
		if n == 0 {
			return 0, bad("chunk_size", "a chunk's size is not a hexadecimal number")
		}
		switch c {
		case '\r':
		case ';':
			if err := b.extension(); err != nil {
				return 0, err
			}
		default:
			return 0, bad("chunk_size", "a chunk's size is not a hexadecimal number")
		}
		c, err = b.src.byte()
		if err != nil {
			return 0, err
		}
		if c != '\n' {
			return 0, bad("chunk_size", "a chunk's size line does not end with CRLF")
		}
		return size, nil
	}
}

// extension skips a chunk extension up to and with its CR.
func (b *body) extension() error {
	for {
		c, err := b.src.byte()
		if err != nil {
			return err
		}
		if c == '\r' {
			return nil
		}
		if b.ext++; b.ext > b.lim.ChunkExtBytes {
			return tooLarge(413, "chunk_extension", "the chunk extensions exceed the limit")
		}
		if !fieldByte[c] {
			return bad("chunk_extension", "a chunk extension holds a control byte")
		}
	}
}

// readTrailer reads the trailer section (section 7.1.2), up to and with the empty
// line. Fields that frame, route or authenticate are refused there.
func (b *body) readTrailer() error {
	var line []byte
	total := 0
	for {
		line = line[:0]
		for {
			c, err := b.src.byte()
			if err != nil {
				return err
			}
			if c == '\n' {
				if len(line) == 0 || line[len(line)-1] != '\r' {
					return bad("bare_lf", "a line ends with a bare LF")
				}
				break
			}
			if total++; total > b.lim.TrailerBytes {
				return tooLarge(431, "trailer_length", "the trailer section exceeds the limit")
			}
			line = append(line, c)
		}
		if line = line[:len(line)-1]; len(line) == 0 {
			return nil
		}
		f, err := parseField(string(line))
		if err != nil {
			return err
		}
		if forbiddenTrailer(f.Name) {
			if b.dropTrailers {
				continue
			}
			return bad("trailer_field", "a field that belongs in the header stands in the trailer")
		}
		if len(b.trailer) >= b.lim.Fields {
			return tooLarge(431, "field_count", "the message has too many fields")
		}
		b.trailer = append(b.trailer, f)
	}
}

// forbiddenTrailer reports fields that must not come late (RFC 9110, 6.5.1).
func forbiddenTrailer(name string) bool {
	for _, f := range [...]string{"Transfer-Encoding", "Content-Length", "Host", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer",
		"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Content-Encoding", "Content-Type", "Content-Range",
		"Cache-Control", "Expect", "Max-Forwards", "Range", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if gatehouse.EqualFold(name, f) {
			return true
		}
	}
	return false
}

var hexValue = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = int8(c - '0')
	}
	for c := byte(0); c < 6; c++ {
		t['a'+c], t['A'+c] = int8(10+c), int8(10+c)
	}
	return t
}()
