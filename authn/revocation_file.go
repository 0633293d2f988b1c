package authn

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

const (
	maxLine = 16 << 10
	// Smaller files are read anew whenever they change, which also catches edits
	// in the middle; of larger ones only what was appended is read.
	rereadBelow = 1 << 20
)

// A revocationFile follows a file of JSON lines. What it read stays in force
// while the file cannot be read, and err says so.
type revocationFile struct {
	path  string
	limit int
	set   atomic.Pointer[revokedSet]
	err   atomic.Pointer[error]

	// Of the one goroutine that polls.
	seen   bool
	info   fs.FileInfo // of what was read last, nil if that was cut short
	offset int64       // bytes of whole lines that have been read
	lines  int
	bad    error // the first bad line
	// open says that the last line has no end and is no revocation as it stands.
	open bool
}

func newRevocationFile(path string, limit int) *revocationFile {
	f := &revocationFile{path: path, limit: limit}
	f.set.Store(newRevokedSet(limit))
	return f
}

// poll reads what is new, and returns why it could not. A file that never was is
// an empty list; one that vanished cannot tell.
func (f *revocationFile) poll(now time.Time) error {
	err := f.read(now)
	if err == nil {
		f.err.Store(nil)
		return nil
	}
	err = errRevocation(err)
	f.err.Store(&err)
	return err
}

func (f *revocationFile) read(now time.Time) error {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) && !f.seen {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	same := f.info != nil && os.SameFile(f.info, info)
	if same && f.info.Size() == info.Size() && f.info.ModTime().Equal(info.ModTime()) {
		if f.open { // nobody goes on writing it
			f.lines++
			f.spoiled(errors.New("the last line breaks off"))
			f.open = false
		}
		return f.bad
	}
	f.seen, f.info = true, nil
	set := f.set.Load()
	if same && f.bad == nil && f.offset >= rereadBelow && info.Size() > f.offset {
		if _, err := file.Seek(f.offset, io.SeekStart); err != nil {
			return err
		}
	} else {
		set, f.offset, f.lines, f.bad = newRevokedSet(f.limit), 0, 0, nil
	}
	f.open = false
	if err := f.load(file, set, now); err != nil {
		return err
	}
	f.info = info
	f.set.Store(set)
	return f.bad
}

// load adds the lines of r to set. A last line without its end may be whole, as an
// editor leaves it, and then holds; or it is still being written, and waits. Of
// bad lines it keeps the first in bad, and what the others say holds.
func (f *revocationFile) load(r io.Reader, set *revokedSet, now time.Time) error {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return f.last(bytes.TrimSpace(line), set, now)
		}
		f.lines++
		f.offset += int64(len(line))
		for err == bufio.ErrBufferFull {
			f.spoiled(errors.New("the line is too long"))
			line, err = lines.ReadSlice('\n')
			f.offset += int64(len(line))
			if err == nil {
				line = nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		text := bytes.TrimSpace(line)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		rev, err := parseRevocation(text)
		if err == nil {
			err = set.add(rev, now)
		}
		if err != nil {
			f.spoiled(err)
		}
		var full *gatehouse.Error
		if errors.As(err, &full) && full.Code == codeRevocationFull {
			return nil
		}
	}
}

// last reads what stands behind the last line break. It will be read again with
// its end.
func (f *revocationFile) last(text []byte, set *revokedSet, now time.Time) error {
	if len(text) == 0 || text[0] == '#' {
		return nil
	}
	rev, err := parseRevocation(text)
	if err != nil {
		f.open = true
		return nil
	}
	if err := set.add(rev, now); err != nil {
		f.lines++
		f.spoiled(err)
	}
	return nil
}

func (f *revocationFile) spoiled(err error) {
	if f.bad == nil {
		f.bad = &gatehouse.Error{Code: codeRevocationUnreachable, Status: http.StatusServiceUnavailable,
			Message: "the revocation file has a bad line", Hint: "mend or remove it",
			At: gatehouse.Position{File: f.path, Line: f.lines}, Err: err}
	}
}

// parseRevocation reads one line of a revocation file.
func parseRevocation(line []byte) (Revocation, error) {
	var r Revocation
	if err := unmarshalStrict(line, &r); err != nil {
		return r, err
	}
	_, err := r.kind()
	return r, err
}

// unmarshalStrict reads one JSON object with known members and nothing after it.
func unmarshalStrict(line []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		// The cause may quote the line, which may hold a secret by mistake.
		return errors.New("it is not a JSON object of the expected shape")
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// AppendRevocation writes r to a revocation file and returns when it is on disk.
// The file is made when missing. Every gateway that watches it obeys within its
// polling interval.
func AppendRevocation(path string, r Revocation) error {
	if _, err := r.kind(); err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return appendLine(path, line)
}

// appendLine writes one line durably. After a failure the file is as it was.
func appendLine(path string, line []byte) (err error) {
	if len(line) >= maxLine {
		return fmt.Errorf("the line is longer than %d bytes", maxLine)
	}
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return errors.Join(err, f.Truncate(info.Size()))
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if missing == nil {
		return nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
