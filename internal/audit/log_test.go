package audit

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// notes collects what a Log says.
type notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

func logger() (*slog.Logger, *notes) {
	n := new(notes)
	return slog.New(slog.NewTextHandler(n, nil)), n
}

func testConfig(t *testing.T) Config {
	return Config{File: filepath.Join(t.TempDir(), "logs", "decisions.jsonl")}.WithDefaults()
}

// small opens a Log with a small queue.
func small(t *testing.T, cfg Config, queueBytes int) (*Log, *notes) {
	t.Helper()
	lg, n := logger()
	l, err := open(cfg, lg, queueBytes, 20*time.Millisecond, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	return l, n
}

func numbered(i int) *gatehouse.Exchange {
	x := exchange()
	x.ID = fmt.Sprintf("N%08d", i)
	return x
}

// read returns the ids and gaps of the whole log, and fails on any bad line.
func read(t *testing.T, path string) (ids map[string]int, lost int64) {
	t.Helper()
	files, err := Files(path)
	if err != nil {
		t.Fatal(err)
	}
	ids = make(map[string]int)
	for r, err := range ReadFiles(files) {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Gap != nil:
			lost += r.Gap.Lost
		default:
			ids[r.ID]++
		}
	}
	return ids, lost
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(8 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

func TestAppendAndReopenProcess(t *testing.T) {
	cfg := testConfig(t)
	lg, _ := logger()
	for start := range 2 { // a second process appends
		l, err := Open(cfg, lg)
		if err != nil {
			t.Fatal(err)
		}
		var rec gatehouse.Recorder = l
		for i := range 10 {
			if err := rec.Append(numbered(start*10 + i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if err := l.Append(numbered(0)); !errors.Is(err, errClosed) {
			t.Errorf("Append after Close: %v", err)
		}
		if s := l.Stats(); s.Written != 10 || s.Lost != 1 {
			t.Errorf("%+v", s)
		}
		if err := l.Reopen(); err == nil {
			t.Error("Reopen after Close succeeded")
		}
	}
	ids, _ := read(t, cfg.File)
	if len(ids) != 20 {
		t.Errorf("%d records", len(ids))
	}
	if info, _ := os.Stat(cfg.File); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestWrittenWithinLinger(t *testing.T) {
	cfg := testConfig(t)
	l, _ := small(t, cfg, QueueBytes)
	defer l.Close()
	l.Append(numbered(1))
	eventually(t, "the record stands in the file", func() bool {
		data, _ := os.ReadFile(cfg.File)
		return bytes.HasSuffix(data, []byte("\n"))
	})
}

// No line is lost or torn while many write and the file rotates.
func TestRotationUnderLoad(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxSize, cfg.Keep = 64*gatehouse.KiB, 1000
	l, n := small(t, cfg, QueueBytes)
	const writers, each = 8, 400
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := l.Append(numbered(w*each + i)); err != nil {
					t.Error(err)
				}
				if i == each/2 {
					if err := l.Reopen(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ids, lost := read(t, cfg.File)
	if len(ids) != writers*each || lost != 0 {
		t.Errorf("%d of %d records, %d lost\n%s", len(ids), writers*each, lost, n)
	}
	for id, count := range ids {
		if count != 1 {
			t.Errorf("%s stands %d times", id, count)
		}
	}
	files, _ := Files(cfg.File)
	if want := l.Stats().Rotations + 1; int64(len(files)) != want || want < 20 {
		t.Errorf("%d files after %d rotations", len(files), want-1)
	}
	for _, f := range files {
		if info, _ := os.Stat(f); info.Size() > int64(cfg.MaxSize) || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, mode %v", f, info.Size(), info.Mode())
		}
	}
}

func TestKeep(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxSize, cfg.Keep = 1, 3 // every record gets a file
	l, _ := small(t, cfg, QueueBytes)
	for i := range 10 {
		l.Append(numbered(i))
	}
	l.Close()
	ids, _ := read(t, cfg.File)
	if len(ids) != 4 || ids["N00000006"] != 1 || ids["N00000009"] != 1 {
		t.Errorf("kept %v", ids)
	}
	cfg.Keep = 1
	l, _ = small(t, cfg, QueueBytes)
	l.Close()
	if ids, _ := read(t, cfg.File); len(ids) != 2 {
		t.Errorf("a smaller keep kept %v", ids)
	}
}

// Where the old file cannot be renamed, the log grows: nothing is lost.
func TestRotationFails(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxSize, cfg.Keep = 2000, 1
	if err := os.MkdirAll(cfg.File+".1/in the way", 0o700); err != nil {
		t.Fatal(err)
	}
	l, n := small(t, cfg, QueueBytes)
	for i := range 50 {
		if err := l.Append(numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	ids := map[string]bool{}
	for r, err := range ReadFiles([]string{cfg.File}) {
		if err != nil {
			t.Fatal(err)
		}
		ids[r.ID] = true
	}
	if len(ids) != 50 || strings.Count(n.String(), "cannot be rotated") == 0 || strings.Count(n.String(), "cannot be rotated") > 3 {
		t.Errorf("%d records\n%s", len(ids), n)
	}
}

func TestTornLineIsEnded(t *testing.T) {
	cfg := testConfig(t)
	os.MkdirAll(filepath.Dir(cfg.File), 0o700)
	os.WriteFile(cfg.File, []byte(`{"id":"whole","result":"answered"}`+"\n"+`{"id":"to`), 0o644)
	l, n := small(t, cfg, QueueBytes)
	l.Append(numbered(1))
	l.Close()
	if !strings.Contains(n.String(), "torn line") {
		t.Errorf("nothing was said: %s", n)
	}
	var got []string
	for r, err := range ReadFiles([]string{cfg.File}) {
		if err != nil {
			got = append(got, "bad")
		} else {
			got = append(got, r.ID)
		}
	}
	if strings.Join(got, " ") != "whole bad N00000001" {
		t.Errorf("read %v", got)
	}
	if info, _ := os.Stat(cfg.File); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestFolderGone(t *testing.T) {
	cfg := testConfig(t)
	l, n := small(t, cfg, QueueBytes)
	l.Append(numbered(1))
	eventually(t, "written", func() bool { return l.Stats().Written == 1 })
	dir := filepath.Dir(cfg.File)
	os.Rename(dir, dir+".away")
	os.WriteFile(dir, nil, 0o600) // a file where the folder was: nobody can write there
	eventually(t, "Ready says no", func() bool { return l.Ready() != nil })
	l.Append(numbered(2))
	os.Remove(dir)
	eventually(t, "Ready says yes", func() bool { return l.Ready() == nil })
	l.Close()
	if ids, _ := read(t, cfg.File); len(ids) != 1 || ids["N00000002"] != 1 {
		t.Errorf("records %v\n%s", ids, n)
	}
}

// A writer that is slow to end, because of its disk, makes no new file in a folder
// that somebody has removed meanwhile.
func TestFolderGoneAtTheEnd(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	lg, _ := logger()
	w := &writer{l: &Log{cfg: cfg, log: lg, closing: make(chan struct{})}, out: output{path: cfg.File, max: 1 << 20}}
	if err := w.out.open(); err != nil {
		t.Fatal(err)
	}
	close(w.l.closing)
	if err := os.RemoveAll(filepath.Dir(cfg.File)); err != nil {
		t.Fatal(err)
	}
	w.tend()
	if _, err := os.Stat(filepath.Dir(cfg.File)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is back: %v", err)
	}
	if err := w.out.close(); err != nil {
		t.Error(err)
	}
}

func TestOpenFails(t *testing.T) {
	lg, _ := logger()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	os.WriteFile(file, nil, 0o600)
	for _, path := range []string{dir, filepath.Join(file, "below"), "\x00"} {
		var e *gatehouse.Error
		if _, err := Open(Config{File: path}, lg); !errors.As(err, &e) || e.Code != "audit.unwritable" {
			t.Errorf("Open(%q): %v", path, err)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := (Config{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{MaxSize: 1, Keep: -1, OnError: "pray", Mask: []string{"ok", "_-"}}.Validate()
	for _, field := range []string{"file", "max_size", "keep", "on_error", "mask[1]"} {
		if err == nil || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("no error at %s in %v", field, err)
		}
	}
}

// Many operations and configurations do not make the cache grow.
func TestPlansFollowTheConfiguration(t *testing.T) {
	var c plans
	m := NewMasker(nil)
	x := exchange()
	first := c.get(x, m)
	if c.get(x, m) != first {
		t.Error("made anew")
	}
	x.Decision.ConfigHash = "other"
	if c.get(x, m) == first {
		t.Error("kept beyond its configuration")
	}
	x.Operation = nil
	if c.get(x, m) != nil {
		t.Error("a plan without an operation")
	}
}

// What Append costs the request: encoding and queueing, and the writer's share
// on the other processor. The file is a device, so that the disk is not measured.
func BenchmarkAppend(b *testing.B) { benchmarkAppend(b, os.DevNull) }

// The same into a real file, as fast as it takes them.
func BenchmarkAppendDisk(b *testing.B) { benchmarkAppend(b, filepath.Join(b.TempDir(), "d.jsonl")) }

func benchmarkAppend(b *testing.B, file string) {
	lg, _ := logger()
	l, err := Open(Config{File: file, MaxSize: gatehouse.GiB, Keep: 1}, lg)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	x := exchange()
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Append(x); err != nil {
			b.Fatal(err)
		}
	}
}
