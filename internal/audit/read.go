package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"github.com/gatehouse/gatehouse"
)

// maxLine bounds a line that is read, in bytes; Append writes far shorter ones.
const maxLine = 1 << 20

// A LineError tells of a line that could not be read. Reading goes on behind it.
type LineError struct {
	File string // "" for a reader
	Line int    // counts from 1
	// Torn says that it is the last one and has no end: the process was stopped
	// while it wrote, or is writing.
	Torn bool
	Err  error
}

func (e *LineError) Error() string {
	at := gatehouse.Position{File: e.File, Line: e.Line}.String()
	if e.File == "" {
		at = fmt.Sprintf("line %d", e.Line)
	}
	if e.Torn {
		return at + ": the last line is torn"
	}
	return at + ": not a record: " + inert(e.Err.Error())
}

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// Read yields the records of r, in their order. A line that is none is yielded as
// a *LineError; any other error is r's own and ends the sequence.
func Read(r io.Reader) iter.Seq2[*Record, error] { return records(r, "", nil) }

// ReadFiles yields the records of files, in their order. Rotation may go on
// meanwhile: all are opened first, and one that is listed under two names is
// read once.
func ReadFiles(files []string) iter.Seq2[*Record, error] { return readFiles(files, nil) }

// readFiles leaves out the lines that do not hold want, unparsed.
func readFiles(files []string, want []byte) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		opened, err := openAll(files)
		defer func() {
			for _, f := range opened {
				f.Close()
			}
		}()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, f := range opened {
			for r, err := range records(f, f.Name(), want) {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// openAll opens the youngest file first: if rotation renames it meanwhile, it
// comes up again under its next name, and is then left out.
func openAll(files []string) (opened []*os.File, err error) {
	var infos []fs.FileInfo
next:
	for i := len(files) - 1; i >= 0; i-- {
		f, err := os.Open(files[i])
		if errors.Is(err, fs.ErrNotExist) && len(files) > 1 {
			continue // rotated away
		}
		if err != nil {
			return opened, err
		}
		info, err := f.Stat()
		if err != nil {
			return append(opened, f), err
		}
		for _, other := range infos {
			if os.SameFile(info, other) {
				f.Close()
				continue next
			}
		}
		infos = append(infos, info)
		opened = append([]*os.File{f}, opened...)
	}
	return opened, nil
}

func records(r io.Reader, file string, want []byte) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		br := bufio.NewReaderSize(r, 64<<10)
		var long []byte
		for n := 1; ; n++ {
			line, whole, err := readLine(br, &long)
			if err != nil && err != io.EOF {
				yield(nil, err)
				return
			}
			ended := err == io.EOF
			if ended && len(line) == 0 {
				return
			}
			if line = bytes.TrimSpace(line); len(line) > 0 && (ended || !whole || bytes.Contains(line, want)) {
				rec, err := (*Record)(nil), errLong
				if whole {
					rec, err = parse(line)
				}
				if err != nil {
					rec, err = nil, &LineError{File: file, Line: n, Torn: ended, Err: err}
				}
				if !yield(rec, err) {
					return
				}
			}
			if ended {
				return
			}
		}
	}
}

var errLong = fmt.Errorf("longer than %d bytes", maxLine)

// readLine returns the next line, and false where it is too long, of which it
// returns the beginning. The line is good until the next call.
func readLine(br *bufio.Reader, long *[]byte) (line []byte, whole bool, err error) {
	line, err = br.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return line, true, err
	}
	*long = append((*long)[:0], line...)
	whole = true
	for err == bufio.ErrBufferFull {
		line, err = br.ReadSlice('\n')
		if len(*long)+len(line) > maxLine {
			whole = false
			continue
		}
		*long = append(*long, line...)
	}
	return *long, whole, err
}

// ErrNotFound is returned by Find where no record has the id.
var ErrNotFound = errors.New("not found in the decision log")

// Find returns the record with the request id, the youngest where there are
// several. The notes tell of lines that could not be read; they, not the error,
// hold the torn last line.
func Find(files []string, id string) (found *Record, notes []error, err error) {
	want := appendString([]byte(`{"id":`), id, idLimit)
	for r, err := range readFiles(files, want) {
		var line *LineError
		switch {
		case errors.As(err, &line):
			notes = append(notes, err)
		case err != nil:
			return nil, notes, err
		case r.ID == id:
			found = r
		}
	}
	if found == nil {
		return nil, notes, &gatehouse.Error{Code: "audit.not_found", Message: fmt.Sprintf("%q", inert(id)),
			Hint: "it may have been rotated away", Err: ErrNotFound}
	}
	return found, notes, nil
}
