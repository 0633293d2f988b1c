package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An output is the file at path and its rotated predecessors path.1 (the
// youngest) to path.keep.
type output struct {
	path string
	max  int64 // bytes at which a file is full
	keep int

	f       *os.File
	size    int64
	regular bool // not a device or a pipe, which cannot be rotated, cut or synced
	torn    bool // the file ended without a line break when it was opened

	again time.Time // no rotation before this
}

// open opens or creates the file, for its owner only, and ends a line that a crash
// tore, so that the next one stands by itself.
func (o *output) open() error {
	if err := os.MkdirAll(filepath.Dir(o.path), 0o700); err != nil {
		return err
	}
	f, err := openAppend(o.path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "open", Path: o.path, Err: errors.New("is a directory")}
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	o.size, o.regular, o.torn = info.Size(), info.Mode().IsRegular(), false
	if o.regular {
		if err := o.settle(f, info); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	o.f = f
	return nil
}

// openAppend opens path for appending and, where that is possible, for reading.
func openAppend(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	}
	return f, err
}

func (o *output) settle(f *os.File, info fs.FileInfo) error {
	if info.Mode().Perm() != 0o600 {
		if err := f.Chmod(0o600); err != nil {
			return err
		}
	}
	if o.size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], o.size-1); err != nil || last[0] == '\n' {
		return nil
	}
	o.torn = true
	n, err := f.Write([]byte{'\n'})
	o.size += int64(n)
	return err
}

// write appends p and returns how much of it was.
func (o *output) write(p []byte) (int, error) {
	n, err := o.f.Write(p)
	o.size += int64(n)
	return n, err
}

// cut takes back the last n bytes, and reports whether it could: they are the
// beginning of a line that did not fit, and nobody has written behind them.
func (o *output) cut(n int) bool {
	if !o.regular {
		return false
	}
	info, err := o.f.Stat()
	if err != nil || info.Size() != o.size || o.f.Truncate(o.size-int64(n)) != nil {
		return false
	}
	o.size -= int64(n)
	return true
}

// full reports whether a line of n bytes must go to the next file.
func (o *output) full(n int) bool {
	return o.size > 0 && o.size+int64(n) > o.max && !time.Now().Before(o.again)
}

// room returns the bytes that fit. It is never zero for long: a file that cannot
// be rotated grows by a batch.
func (o *output) room() int64 {
	if room := o.max - o.size; room > 0 {
		return room
	}
	return o.max
}

// rotate renames the files and opens a new one. Where it fails, the old one stays
// in use, and rotation is tried again a second later.
func (o *output) rotate() error {
	o.again = time.Now().Add(time.Second)
	for i := o.keep - 1; i >= 1; i-- {
		if err := rename(o.rotated(i), o.rotated(i+1)); err != nil {
			return err
		}
	}
	if err := rename(o.path, o.rotated(1)); err != nil {
		return err
	}
	old, size := o.f, o.size
	if err := o.open(); err != nil {
		o.f, o.size, o.regular = old, size, true
		return errors.Join(err, rename(o.rotated(1), o.path))
	}
	o.again = time.Time{}
	err := errors.Join(old.Sync(), old.Close())
	if dir, e := os.Open(filepath.Dir(o.path)); e == nil { // the names, too, shall survive
		err = errors.Join(err, dir.Sync(), dir.Close())
	}
	return err
}

func (o *output) rotated(i int) string { return rotatedName(o.path, i) }

func rotatedName(path string, i int) string { return path + "." + strconv.Itoa(i) }

// rename renames a file that may not exist.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// prune removes rotated files beyond keep, left by an earlier configuration.
func (o *output) prune() {
	numbers, _ := rotatedNumbers(o.path)
	for _, i := range numbers {
		if i > o.keep {
			os.Remove(o.rotated(i))
		}
	}
}

// ours reports whether the open file is the one at the path.
func (o *output) ours() bool {
	if o.f == nil {
		return false
	}
	at, err := os.Stat(o.path)
	if err != nil {
		return false
	}
	open, err := o.f.Stat()
	return err == nil && os.SameFile(at, open)
}

// close syncs and closes the file, if there is one.
func (o *output) close() (err error) {
	if o.f == nil {
		return nil
	}
	if o.regular {
		err = o.f.Sync()
	}
	err = errors.Join(err, o.f.Close())
	o.f = nil
	return err
}

// Files returns the decision log at path and its rotated files, as many as there
// are, the oldest first.
func Files(path string) ([]string, error) {
	numbers, err := rotatedNumbers(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, i := range slices.Backward(numbers) {
		files = append(files, rotatedName(path, i))
	}
	if _, err := os.Stat(path); err == nil {
		files = append(files, path)
	} else if !errors.Is(err, fs.ErrNotExist) || len(files) == 0 {
		return nil, err
	}
	return files, nil
}

// rotatedNumbers returns the numbers of the rotated files of path that exist,
// ascending.
func rotatedNumbers(path string) (numbers []int, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		suffix, ok := strings.CutPrefix(entry.Name(), filepath.Base(path)+".")
		if i, err := strconv.Atoi(suffix); ok && err == nil && i >= 1 && strconv.Itoa(i) == suffix {
			numbers = append(numbers, i)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
