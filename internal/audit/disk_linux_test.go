package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// /dev/full answers every write with ENOSPC.
func full(t *testing.T, cfg Config) {
	t.Helper()
	os.MkdirAll(filepath.Dir(cfg.File), 0o700)
	if err := os.Symlink("/dev/full", cfg.File); err != nil {
		t.Fatal(err)
	}
}

func TestDiskFull(t *testing.T) {
	for _, onError := range []string{Stop, Continue} {
		t.Run(onError, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.OnError = onError
			full(t, cfg)
			record := len(encoded(numbered(0)))
			l, n := small(t, cfg, 5*record+record/2)
			if err := l.Ready(); err != nil {
				t.Fatal(err)
			}
			l.Append(numbered(0))
			eventually(t, "Err says so", func() bool { return l.Err() != nil })
			if (l.Ready() != nil) != (onError == Stop) {
				t.Errorf("Ready: %v", l.Ready())
			}
			if err := l.Err(); !strings.Contains(err.Error(), "no space left") {
				t.Errorf("Err: %v", err)
			}
			// Record 0 waits in the batch, five wait in the queue, the rest is lost.
			failed := 0
			start := time.Now()
			for i := 1; i <= 100; i++ {
				if err := l.Append(numbered(i)); err != nil {
					failed++
				}
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("Append waited %v for a disk that is known to be full", took)
			}
			if s := l.Stats(); failed != 95 || s.Lost != 95 || !s.Failing || s.Errors == 0 {
				t.Errorf("%d failed, %+v", failed, s)
			}
			if !strings.Contains(n.String(), "level=ERROR") {
				t.Errorf("not loud: %s", n)
			}
			// Space again: by itself, nothing that waited is lost.
			os.Remove(cfg.File)
			eventually(t, "Err says nothing", func() bool { return l.Err() == nil })
			if err := l.Append(numbered(200)); err != nil {
				t.Error(err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			ids, lost := read(t, cfg.File)
			if len(ids) != 7 || ids["N00000005"] != 1 || ids["N00000200"] != 1 || lost != 95 {
				t.Errorf("records %v, gap of %d", ids, lost)
			}
			if strings.Count(n.String(), "level=ERROR") != 1 || !strings.Contains(n.String(), "written again") {
				t.Errorf("log: %s", n)
			}
		})
	}
}

func TestCloseOnFullDisk(t *testing.T) {
	cfg := testConfig(t)
	full(t, cfg)
	l, _ := small(t, cfg, QueueBytes)
	for i := range 3 {
		l.Append(numbered(i))
	}
	if err := l.Close(); err == nil || l.Stats().Lost != 3 {
		t.Errorf("Close: %v, %+v", err, l.Stats())
	}
}

// A disk that hangs: a pipe nobody reads. Append waits, then refuses, and Ready
// tells.
func TestSlowDisk(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cfg := testConfig(t)
	os.MkdirAll(filepath.Dir(cfg.File), 0o700)
	if err := os.Symlink(fmt.Sprintf("/proc/self/fd/%d", w.Fd()), cfg.File); err != nil {
		t.Fatal(err)
	}
	l, n := small(t, cfg, 4096)
	i := 0
	for ; ; i++ {
		if err := l.Append(numbered(i)); err != nil {
			if !errors.Is(err, errBehind) || !errors.Is(l.Ready(), errBehind) {
				t.Errorf("Append: %v, Ready: %v", err, l.Ready())
			}
			break
		}
		if i > 10000 {
			t.Fatal("nothing ever waited")
		}
	}
	data := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(r)
		data <- b
	}()
	eventually(t, "Ready says yes", func() bool { return l.Ready() == nil })
	l.Close()
	w.Close()
	got, lost := 0, int64(0)
	for rec, err := range Read(bytes.NewReader(<-data)) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Gap != nil {
			lost += rec.Gap.Lost
			continue
		}
		got++
	}
	if got != i || lost != 1 {
		t.Errorf("%d of %d records, gap of %d\n%s", got, i, lost, n)
	}
}

// A file that may not grow takes half a line: it is taken back, and written whole
// when there is space again.
func TestHalfALineIsTakenBack(t *testing.T) {
	cfg := testConfig(t)
	l, n := small(t, cfg, QueueBytes)
	record := len(encoded(numbered(0)))

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ) // so that write(2) fails with EFBIG
	defer signal.Reset(syscall.SIGXFSZ)
	low := limit
	low.Cur = uint64(10*record + record/2)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)

	for i := range 20 {
		l.Append(numbered(i))
	}
	eventually(t, "Err says so", func() bool { return l.Err() != nil })
	data, err := os.ReadFile(cfg.File)
	if err != nil || len(data) != 10*record || data[len(data)-1] != '\n' {
		t.Errorf("%d bytes in the file, want %d whole lines of %d (%v)", len(data), 10, record, err)
	}
	if s := l.Stats(); s.Written != 10 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Err says nothing", func() bool { return l.Err() == nil })
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if ids, lost := read(t, cfg.File); len(ids) != 20 || lost != 0 {
		t.Errorf("%d records, %d lost\n%s", len(ids), lost, n)
	}
}
