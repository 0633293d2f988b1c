package filter

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A Writer filters a JSON text as it streams: the elements of a top-level array one
// by one, any other text whole, when it ends. What stays goes to the writer below.
// The first error ends it: what was written until then is the beginning of no JSON
// text, so that nobody takes it for an answer. It is a gatehouse.VerdictWriter.
type Writer struct {
	w        io.Writer
	o        Options
	e        *engine
	s        strictjson.Splitter
	limits   strictjson.Limits // of one element
	items    *schema.Schema    // of the elements behind the prefixed ones
	prefixed int               // how many elements may have a schema of their own
	whole    bool              // no element is let go before the end
	text     []byte            // the text so far, where it is held whole
	out      []byte
	started  bool // something went out
	ended    bool // the array's closing bracket has come, and is kept back until the text ends
	bracket  int  // offset of the bracket in out
	closed   bool
	record   Record
	err      error
}

// NewWriter returns a Writer that writes to w. An array is streamed where no schema
// is given, or the one given says what its items are; else it is held whole.
func NewWriter(w io.Writer, o *Options) *Writer {
	f := new(Writer)
	f.Reset(w, o)
	return f
}

// Reset makes the Writer ready for another text, which it writes to w. It is not
// called between a Write and Close.
func (f *Writer) Reset(w io.Writer, o *Options) {
	f.record.Reset()
	*f = Writer{w: w, o: *o, e: engines.Get().(*engine), record: f.record}
	f.out, f.text = f.e.out[:0], f.e.whole[:0]
	f.whole = o.Whole
	if s := o.Schema; s != nil {
		f.items, f.prefixed = s.Items(), math.MaxInt
		f.whole = f.whole || f.items == nil || !s.Types().Has(schema.Array)
	}
	f.limits = o.Limits.WithDefaults()
	f.s = f.e.splitter
	f.s.MaxElement, f.s.MaxWhole = bound(o.MaxElement, maxElement), bound(o.MaxWhole, maxWhole)
	f.s.MaxItems = max(o.Limits.Items, 0)
	f.s.Tape, f.s.Limits = &f.e.tape, &f.limits
	f.s.Reset()
	if f.limits.Depth--; f.limits.Depth == 0 {
		f.whole = true // a limit of 0 would stand for the default
	}
}

// Write filters the next part of the text.
func (f *Writer) Write(p []byte) (int, error) {
	if f.err == nil && f.closed {
		f.err = errors.New("filter: write after close")
	}
	if f.err != nil {
		return 0, f.err
	}
	if f.whole {
		if len(f.text)+len(p) > f.s.MaxWhole {
			return 0, f.fail(jsonError(&strictjson.Error{Code: strictjson.CodeSize, Offset: len(f.text)}))
		}
		f.text = append(f.text, p...)
		return len(p), nil
	}
	f.s.Feed(p)
	for {
		piece, err := f.s.Next()
		if err != nil {
			return 0, f.fail(jsonError(err.(*strictjson.Error)))
		}
		switch piece.Kind {
		case strictjson.More:
			if f.started {
				err = f.advance()
			}
			if err != nil {
				return 0, f.fail(err)
			}
			return len(p), nil
		case strictjson.Element:
			err = f.element(piece.Bytes)
		default:
			if i := bytes.IndexByte(piece.Bytes, ']'); i >= 0 {
				f.ended, f.bracket = true, len(f.out)+i
			}
			f.out = append(f.out, piece.Bytes...)
		}
		if err == nil && len(f.out) >= bound(f.o.Hold, maxHeld) {
			err = f.advance()
		}
		if err != nil {
			return 0, f.fail(err)
		}
	}
}

// element filters the element that is on the tape.
func (f *Writer) element(text []byte) error {
	i := f.s.Items() - 1
	s := f.items
	if i < f.prefixed {
		if s = f.o.Schema.Prefix(i); s == nil {
			s, f.prefixed = f.items, i
		}
	}
	f.e.base, f.e.cut.base = "", "/*"
	if f.o.Exceptions != nil {
		f.e.base = "/" + strconv.Itoa(i)
	}
	out, changed, err := f.e.filter(f.out, &f.o, s, &f.record)
	if f.out = out; err != nil {
		if f.e.base == "" {
			locate(err, i)
		}
		return err
	}
	if !changed {
		f.out = append(f.out, text...)
	}
	return nil
}

// locate puts an element's index in front of the pointers of an error.
func locate(err error, i int) {
	var bad *Invalid
	if errors.As(err, &bad) {
		base := "/" + strconv.Itoa(i)
		for k := range bad.Violations {
			bad.Violations[k].Pointer = base + bad.Violations[k].Pointer
		}
	}
}

// Close ends the text and writes what was held back. It does not close the writer
// below.
func (f *Writer) Close() error {
	if f.closed {
		return f.err
	}
	f.closed = true
	if f.err == nil {
		if err := f.end(); err != nil {
			_ = f.fail(err)
		}
	}
	f.release()
	return f.err
}

func (f *Writer) end() error {
	text := f.text
	if !f.whole {
		piece, err := f.s.End()
		if err != nil {
			return jsonError(err.(*strictjson.Error))
		}
		if piece.Kind != strictjson.Whole {
			return f.flush()
		}
		text = piece.Bytes
	}
	if err := f.e.tape.Read(text, &f.o.Limits); err != nil {
		return jsonError(err.(*strictjson.Error))
	}
	f.e.base, f.e.cut.base = "", ""
	out, changed, err := f.e.filter(f.out, &f.o, f.o.Schema, &f.record)
	if f.out = out; err != nil {
		return err
	}
	if !changed {
		f.out = append(f.out, text...)
	}
	return f.flush()
}

// flush writes what is ready. Nothing is before it is as long as Hold, or the end.
func (f *Writer) flush() error {
	if len(f.out) == 0 {
		return nil
	}
	f.started = true
	_, err := f.w.Write(f.out)
	f.out = f.out[:0]
	return err
}

// advance writes what is ready, but for the end of the array: with that the text
// would be whole, whatever comes behind it.
func (f *Writer) advance() error {
	if !f.ended {
		return f.flush()
	}
	end := f.out[f.bracket:]
	if len(end) > f.s.MaxWhole { // of white space
		return jsonError(&strictjson.Error{Code: strictjson.CodeSize, Offset: len(end)})
	}
	if f.bracket == 0 {
		return nil
	}
	f.started = true
	_, err := f.w.Write(f.out[:f.bracket])
	f.out, f.bracket = f.out[:copy(f.out, end)], 0
	return err
}

func (f *Writer) fail(err error) error {
	f.err = err
	f.release()
	return err
}

// release gives the memory back; the record stays.
func (f *Writer) release() {
	if f.e == nil {
		return
	}
	f.s.Reset()
	f.e.splitter, f.e.out, f.e.whole = f.s, f.out, f.text
	f.e.release()
	f.e, f.s, f.out, f.text = nil, strictjson.Splitter{}, nil, nil
}

// Forget lets go of everything that was of the text, but for memory that Reset uses
// again.
func (f *Writer) Forget() {
	f.release()
	f.record.Reset()
	*f = Writer{record: f.record, closed: true}
}

// Record returns what was done so far.
func (f *Writer) Record() *Record { return &f.record }

// Verdict sums up: a denial with the places that broke the schema, or a pass with
// what was removed and masked.
func (f *Writer) Verdict() gatehouse.Verdict {
	if f.err == nil {
		return f.record.Verdict()
	}
	e := gatehouse.AsError(f.err, "answer.filter", 502)
	v := gatehouse.Denied(502, e.Reason())
	var bad *Invalid
	if errors.As(f.err, &bad) {
		for i := range bad.Violations {
			b := &bad.Violations[i]
			v.Details = append(v.Details, gatehouse.Detail{Code: b.Code, Pointer: printable(b.Pointer), At: b.At})
		}
	}
	return v
}
