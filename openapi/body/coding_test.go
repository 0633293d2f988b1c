package body_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse/gatehouse/openapi/body"
)

func encode(t testing.TB, coding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	switch coding {
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

func TestCodings(t *testing.T) {
	b := reader(t, body.Options{DecodedBytes: 1 << 20}, `{application/json: {schema: `+order+`}}`)
	const good, bad = `{"id":1}`, `{"id":"x"}`
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		text := encode(t, coding, good)
		for what, c := range map[string]struct{ encoding, text, want string }{
			"plain":           {coding, text, ""},
			"upper case":      {strings.ToUpper(coding), text, ""},
			"refused":         {coding, encode(t, coding, bad), "contract.type /id"},
			"twice":           {coding + ", gzip", encode(t, "gzip", text), ""},
			"three times":     {coding + ",gzip,gzip", text, "415 contract.content_coding"},
			"in wrong order":  {"gzip, " + coding + "", encode(t, "gzip", text) + "x", "400 contract.content_coding_invalid"},
			"truncated":       {coding, text[:len(text)-1], "400 contract.content_coding_invalid"},
			"half":            {coding, text[:len(text)/2], "400 contract.content_coding_invalid"},
			"first byte":      {coding, text[:1], "400 contract.content_coding_invalid"},
			"trailing":        {coding, text + "x", "400 contract.content_coding_invalid"},
			"trailing zeros":  {coding, text + strings.Repeat("\x00", 40_000), "400 contract.content_coding_invalid"},
			"a second member": {coding, text + text, "400 contract.content_coding_invalid"},
			"not coded":       {coding, "\x01not " + good, "400 contract.content_coding_invalid"},
			"an empty name":   {coding + ",", text, "415 contract.content_coding"},
			"unknown":         {"x" + coding, text, "415 contract.content_coding"},
		} {
			if got := check(b, "application/json", c.encoding, c.text); got != c.want {
				t.Errorf("%s, %s: %q, want %q", coding, what, got, c.want)
			}
		}
	}
	for _, c := range []struct{ encoding, text, want string }{
		{"identity", good, ""},
		{"x-gzip", encode(t, "gzip", good), ""},
		{"deflate", encode(t, "raw", good), "400 contract.content_coding_invalid"},
		{"deflate", encode(t, "dictionary", good), "400 contract.content_coding_invalid"},
		{"br", encode(t, "br24", strings.Repeat(good, 1e5)), "400 contract.content_coding_invalid"},
		{"compress", good, "415 contract.content_coding"},
		{"identity, gzip", good, "415 contract.content_coding"},
		{"gzip;q=1", good, "415 contract.content_coding"},
		{"aes128gcm", good, "415 contract.content_coding"},
		{"zstd", "\x50\x2a\x4d\x18\x01\x00\x00\x00x" + encode(t, "zstd", good), "400 contract.content_coding_invalid"}, // a skippable frame
		{"gzip", encode(t, "gzip", ""), "400 json.empty"},
	} {
		if got := check(b, "application/json", c.encoding, c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.encoding, got, c.want)
		}
	}
}

// What a bomb asks for is neither time nor memory.
func TestBombs(t *testing.T) {
	b := reader(t, body.Options{}, `{application/json: {}}`)
	zeros := strings.Repeat(" ", 12<<20)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		once := encode(t, coding, zeros)
		bombs := map[string]string{coding: once, coding + ", gzip": encode(t, "gzip", once)}
		for encoding, bomb := range bombs {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			if got := check(b, "application/json", encoding, bomb); got != "413 contract.decompression_limit" {
				t.Errorf("%s: %q", encoding, got)
			}
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; took > slow || spent > 64<<20 {
				t.Errorf("%s: %v, %d bytes", encoding, took, spent)
			}
		}
	}
	if got := check(b, "application/json", "gzip", encode(t, "gzip", `"`+strings.Repeat("a", 200<<10)+`"`)); got != "" {
		t.Errorf("what stays small may grow a thousandfold: %q", got)
	}
}
