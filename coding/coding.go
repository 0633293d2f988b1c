package coding

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse/gatehouse"
)

// maxCodings is how many content codings may be applied to one body.
const maxCodings = 2

// A small body may grow to this size whatever the ratio says.
const ratioFloor = 256 << 10

// Windows a decoder has to remember: RFC 9659 for zstd, what every encoder takes
// unless told otherwise for brotli. A larger one is memory a stranger asks for.
const (
	zstdWindow   = 8 << 20
	brotliWindow = 22 // bits
)

// The codes of errors.
const (
	CodeUnknown = "coding.unknown" // 415: nobody knows it, or they are too many
	CodeInvalid = "coding.invalid" // 400: the bytes are not what the coding says
	CodeLimit   = "coding.limit"   // 413: they would become too many
)

// Limits bound what a body grows to.
type Limits struct {
	// Bytes bounds the body without its codings, and Ratio how many times larger it
	// may be than with them (one that stays below 256 KiB may always).
	Bytes int64
	Ratio int
}

// A Room is memory for bodies that are only looked at. What Undo returns is good
// until Release.
type Room struct{ steps [maxCodings]bytes.Buffer }

var rooms = sync.Pool{New: func() any { return new(Room) }}

// keptBuffer is the largest buffer that is kept for the next body.
const keptBuffer = 256 << 10

// NewRoom returns a Room, which may have been used before.
func NewRoom() *Room { return rooms.Get().(*Room) }

// Release gives the memory back.
func (r *Room) Release() {
	for i := range r.steps {
		if r.steps[i].Reset(); r.steps[i].Cap() > keptBuffer {
			r.steps[i] = bytes.Buffer{}
		}
	}
	rooms.Put(r)
}

// Undo returns a body without its content codings. A body without a coding is
// returned as it is, else the result is memory of its own.
//
// field is the value of Content-Encoding, several field lines joined by commas.
func Undo(field string, body []byte, l Limits) ([]byte, *gatehouse.Error) {
	return new(Room).Undo(field, body, l)
}

// Undo undoes the codings in the room's memory, one after the other. It is called
// once.
func (r *Room) Undo(field string, body []byte, l Limits) ([]byte, *gatehouse.Error) {
	codings, err := parseCodings(field)
	if err != nil {
		return nil, err
	}
	for i := len(codings) - 1; i >= 0; i-- { // the last was applied last
		if codings[i] == 0 {
			continue
		}
		limit := min(l.Bytes, max(ratioFloor, int64(l.Ratio)*int64(len(body))))
		if err := codings[i].undo(&r.steps[i], body, limit); err != nil {
			return nil, problem(err)
		}
		body = r.steps[i].Bytes()
	}
	return body, nil
}

// Beginning returns at most limit bytes of the beginning of a body that may break
// off, without its codings. It is called once.
func (r *Room) Beginning(field string, body []byte, limit int64) ([]byte, *gatehouse.Error) {
	codings, err := parseCodings(field)
	if err != nil {
		return nil, err
	}
	for i := len(codings) - 1; i >= 0; i-- {
		if codings[i] == 0 {
			continue
		}
		err := codings[i].begin(&r.steps[i], body, limit)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errTooLarge) && !errors.Is(err, errTrailing) {
			return nil, problem(err)
		}
		body = r.steps[i].Bytes()
	}
	return body[:min(int64(len(body)), limit)], nil
}

func problem(err error) *gatehouse.Error {
	if errors.Is(err, errTooLarge) {
		return &gatehouse.Error{Code: CodeLimit, Status: 413, Message: "the body grows beyond the limit when its content coding is undone"}
	}
	return &gatehouse.Error{Code: CodeInvalid, Status: 400, Message: "the body is not what its content coding says", Err: err}
}

type coding uint8

const (
	codingGzip coding = iota + 1
	codingDeflate
	codingBrotli
	codingZstd
)

func parseCodings(field string) (list [maxCodings]coding, err *gatehouse.Error) {
	if field == "" {
		return list, nil
	}
	n := 0
	for rest, more := field, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, ",")
		name = strings.Trim(name, " \t")
		var c coding
		switch {
		case gatehouse.EqualFold(name, "gzip"), gatehouse.EqualFold(name, "x-gzip"): // RFC 9110, section 8.4.1.3
			c = codingGzip
		case gatehouse.EqualFold(name, "deflate"):
			c = codingDeflate
		case gatehouse.EqualFold(name, "br"):
			c = codingBrotli
		case gatehouse.EqualFold(name, "zstd"):
			c = codingZstd
		case gatehouse.EqualFold(name, "identity") && !more && n == 0:
			return list, nil
		default:
			return list, &gatehouse.Error{Code: CodeUnknown, Status: 415, Message: "the body has an unknown content coding",
				Hint: "gzip, deflate, br and zstd are understood"}
		}
		if n == maxCodings {
			return list, &gatehouse.Error{Code: CodeUnknown, Status: 415, Message: "the body has more than two content codings"}
		}
		list[n] = c
		n++
	}
	return list, nil
}

var (
	errTrailing   = errors.New("data behind the end of the compressed data")
	errWindow     = errors.New("the window is larger than the limit")
	errDictionary = errors.New("a preset dictionary is needed")
	errFrame      = errors.New("malformed frame")
)

// undo undoes one coding, appending to dst.
func (c coding) undo(dst *bytes.Buffer, body []byte, limit int64) error {
	switch c {
	case codingGzip:
		return undoGzip(dst, body, limit)
	case codingDeflate:
		return undoDeflate(dst, body, limit)
	case codingBrotli:
		return undoBrotli(dst, body, limit)
	}
	if err := oneFrame(body, limit); err != nil {
		return err
	}
	return undoZstd(dst, body, limit)
}

// begin is undo for a body that may break off.
func (c coding) begin(dst *bytes.Buffer, body []byte, limit int64) error {
	if c == codingZstd { // its frame need not be whole
		return undoZstd(dst, body, limit)
	}
	return c.undo(dst, body, limit)
}

var errTooLarge = errors.New("decoded data exceed the limit")

// drain reads all of r and one byte more than allowed.
func drain(dst *bytes.Buffer, r io.Reader, limit int64) error {
	before := int64(dst.Len())
	_, err := dst.ReadFrom(&io.LimitedReader{R: r, N: limit + 1})
	if int64(dst.Len())-before > limit {
		return errTooLarge
	}
	return err
}

var (
	gzipReaders   sync.Pool // *gzip.Reader
	zlibReaders   sync.Pool // io.ReadCloser that is a zlib.Resetter
	brotliReaders sync.Pool // *brotli.Reader
	zstdReaders   sync.Pool // *zstd.Decoder
)

func undoGzip(dst *bytes.Buffer, body []byte, limit int64) error {
	src := bytes.NewReader(body)
	z, _ := gzipReaders.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	defer gzipReaders.Put(z)
	if err := z.Reset(src); err != nil {
		return truncated(err)
	}
	z.Multistream(false)
	if err := drain(dst, z, limit); err != nil {
		return err
	}
	if src.Len() > 0 {
		return errTrailing
	}
	return nil
}

func undoDeflate(dst *bytes.Buffer, body []byte, limit int64) error {
	src := bytes.NewReader(body)
	z, _ := zlibReaders.Get().(io.ReadCloser)
	var err error
	if z == nil {
		z, err = zlib.NewReader(src)
	} else {
		err = z.(zlib.Resetter).Reset(src, nil)
	}
	if z != nil {
		defer zlibReaders.Put(z)
	}
	if errors.Is(err, zlib.ErrDictionary) {
		return errDictionary
	}
	if err != nil {
		return truncated(err)
	}
	if err := drain(dst, z, limit); err != nil {
		return err
	}
	if src.Len() > 0 {
		return errTrailing
	}
	return nil
}

func undoBrotli(dst *bytes.Buffer, body []byte, limit int64) error {
	if len(body) == 0 {
		return io.ErrUnexpectedEOF
	}
	if brotliBits(body[0]) > brotliWindow {
		return errWindow
	}
	z, _ := brotliReaders.Get().(*brotli.Reader)
	if z == nil {
		z = brotli.NewReader(nil)
	}
	defer brotliReaders.Put(z)
	if err := z.Reset(bytes.NewReader(body)); err != nil {
		return err
	}
	return drain(dst, z, limit)
}

// brotliBits reads WBITS (RFC 7932, section 9.1).
func brotliBits(b byte) int {
	switch n := int(b >> 1 & 7); {
	case b&1 == 0:
		return 16
	case n != 0:
		return 17 + n
	}
	switch m := int(b >> 4 & 7); m {
	case 0:
		return 17
	case 1: // reserved; others use it for windows of up to a gigabyte
		return 30
	default:
		return 8 + m
	}
}

func undoZstd(dst *bytes.Buffer, body []byte, limit int64) error {
	z, _ := zstdReaders.Get().(*zstd.Decoder)
	if z == nil {
		var err error
		z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecodeBuffersBelow(0))
		if err != nil {
			return err
		}
	}
	defer func() {
		if z.Reset(nil) == nil { // lets go of the body
			zstdReaders.Put(z)
		}
	}()
	if err := z.Reset(bytes.NewReader(body)); err != nil {
		return err
	}
	return drain(dst, z, limit)
}

// oneFrame walks the blocks of a zstd frame (RFC 8878, section 3.1.1), which must
// be the whole of the body.
func oneFrame(body []byte, limit int64) error {
	var h zstd.Header
	if err := h.Decode(body); err != nil {
		return truncated(err)
	}
	switch {
	case h.Skippable:
		return errFrame
	case h.DictionaryID != 0:
		return errDictionary
	case h.WindowSize > zstdWindow:
		return errWindow
	case h.HasFCS && h.FrameContentSize > uint64(limit):
		return errTooLarge
	}
	rest := body[h.HeaderSize:]
	for last := false; !last; {
		if len(rest) < 3 {
			return io.ErrUnexpectedEOF
		}
		head := int(rest[0]) | int(rest[1])<<8 | int(rest[2])<<16
		size := head >> 3
		switch head >> 1 & 3 {
		case 1: // one byte, repeated
			size = 1
		case 3:
			return errFrame
		}
		if len(rest) < 3+size {
			return io.ErrUnexpectedEOF
		}
		rest, last = rest[3+size:], head&1 == 1
	}
	if h.HasCheckSum {
		if len(rest) < 4 {
			return io.ErrUnexpectedEOF
		}
		rest = rest[4:]
	}
	if len(rest) > 0 {
		return errTrailing
	}
	return nil
}

// truncated says of a header that ends early that it does.
func truncated(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
