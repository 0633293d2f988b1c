package coding_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse/gatehouse/coding"
)

func encode(t testing.TB, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	switch name {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, 6)
	case "br":
		w = brotli.NewWriter(&b)
	case "br24":
		w = brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: 5, LGWin: 24})
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	case "dictionary":
		w, _ = zlib.NewWriterLevelDict(&b, 6, []byte("dictionary"))
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const limit = 1 << 20

// undone returns the text, or status and code of the error.
func undone(field, text string) string {
	got, err := coding.Undo(field, []byte(text), coding.Limits{Bytes: limit, Ratio: 100})
	if err != nil {
		return fmt.Sprint(err.Status, " ", err.Code)
	}
	return string(got)
}

func TestUndo(t *testing.T) {
	const good = `{"id":1}`
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		text := encode(t, name, good)
		for what, c := range map[string]struct{ field, text, want string }{
			"plain":           {name, text, good},
			"upper case":      {strings.ToUpper(name), text, good},
			"twice":           {name + ", gzip", encode(t, "gzip", text), good},
			"three times":     {name + ",gzip,gzip", text, "415 coding.unknown"},
			"in wrong order":  {"gzip, " + name, encode(t, "gzip", text) + "x", "400 coding.invalid"},
			"truncated":       {name, text[:len(text)-1], "400 coding.invalid"},
			"half":            {name, text[:len(text)/2], "400 coding.invalid"},
			"first byte":      {name, text[:1], "400 coding.invalid"},
			"nothing":         {name, "", "400 coding.invalid"},
			"trailing":        {name, text + "x", "400 coding.invalid"},
			"trailing zeros":  {name, text + strings.Repeat("\x00", 40_000), "400 coding.invalid"},
			"a second member": {name, text + text, "400 coding.invalid"},
			"not coded":       {name, "\x01not " + good, "400 coding.invalid"},
			"an empty name":   {name + ",", text, "415 coding.unknown"},
			"unknown":         {"x" + name + "x", text, "415 coding.unknown"},
		} {
			if got := undone(c.field, c.text); got != c.want {
				t.Errorf("%s, %s: %q, want %q", name, what, got, c.want)
			}
		}
	}
	for _, c := range []struct{ field, text, want string }{
		{"", good, good},
		{"identity", good, good},
		{"x-gzip", encode(t, "gzip", good), good},
		{"deflate", encode(t, "raw", good), "400 coding.invalid"},
		{"deflate", encode(t, "dictionary", good), "400 coding.invalid"},
		{"br", encode(t, "br24", strings.Repeat(good, 1e5)), "400 coding.invalid"},
		{"compress", good, "415 coding.unknown"},
		{"identity, gzip", good, "415 coding.unknown"},
		{"gzip;q=1", good, "415 coding.unknown"},
		{"zstd", "\x50\x2a\x4d\x18\x01\x00\x00\x00x" + encode(t, "zstd", good), "400 coding.invalid"}, // a skippable frame
		{"gzip", encode(t, "gzip", ""), ""},
		{"gzip", encode(t, "gzip", strings.Repeat("a", 200<<10)), strings.Repeat("a", 200<<10)}, // what stays small may grow a thousandfold
	} {
		if got := undone(c.field, c.text); got != c.want {
			t.Errorf("%s: %.80q, want %.80q", c.field, got, c.want)
		}
	}
}

// What a bomb asks for is neither time nor memory.
func TestBombs(t *testing.T) {
	zeros := strings.Repeat(" ", 12<<20)
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		once := encode(t, name, zeros)
		for field, bomb := range map[string]string{name: once, name + ", gzip": encode(t, "gzip", once)} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if got := undone(field, bomb); got != "413 coding.limit" {
				t.Errorf("%s: %.80q", field, got)
			}
			r := coding.NewRoom()
			if got, err := r.Beginning(field, []byte(bomb), limit); err != nil || len(got) != limit {
				t.Errorf("%s: %d bytes of the beginning, %v", field, len(got), err)
			}
			r.Release()
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 64<<20 {
				t.Errorf("%s: %d bytes of memory", field, spent)
			}
		}
	}
}

func TestBeginning(t *testing.T) {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "line %d\n", i*i)
	}
	whole := text.String()
	for _, field := range []string{"gzip", "deflate", "br", "zstd", "gzip, br"} {
		coded := whole
		for name := range strings.SplitSeq(field, ", ") {
			coded = encode(t, name, coded)
		}
		r := coding.NewRoom()
		got, err := r.Beginning(field, []byte(coded[:len(coded)/2]), limit)
		if err != nil || !strings.HasPrefix(whole, string(got)) || len(got) == 0 && field != "zstd" {
			t.Errorf("%s, half of it: %d bytes, %v", field, len(got), err)
		}
		r.Release()
		r = coding.NewRoom()
		if got, err := r.Beginning(field, []byte(coded), 1000); err != nil || string(got) != whole[:1000] {
			t.Errorf("%s: %q, %v", field, got, err)
		}
		r.Release()
		if got, err := coding.NewRoom().Beginning(field, []byte("\x01nothing of the kind"), limit); err == nil && len(got) > 0 {
			t.Errorf("%s: %q of what is not coded", field, got)
		}
	}
	if got, err := coding.NewRoom().Beginning("", []byte(whole), 10); err != nil || len(got) != 10 {
		t.Errorf("without a coding: %q, %v", got, err)
	}
	if _, err := coding.NewRoom().Beginning("compress", nil, 10); err == nil {
		t.Error("compress is understood")
	}
}

func FuzzUndo(f *testing.F) {
	for i, name := range []string{"gzip", "deflate", "br", "zstd"} {
		f.Add(uint8(i), []byte(encode(f, name, `{"id":1}`)))
		f.Add(uint8(i), []byte(encode(f, name, strings.Repeat("abc", 1000))))
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		field := []string{"gzip", "deflate", "br", "zstd", "br, zstd", "deflate,gzip"}[which%6]
		got, err := coding.Undo(field, text, coding.Limits{Bytes: limit, Ratio: 100})
		if err == nil && len(got) > limit {
			t.Errorf("%d bytes", len(got))
		}
		if err != nil && err.Status != 400 && err.Status != 413 {
			t.Errorf("%v", err)
		}
	})
}
