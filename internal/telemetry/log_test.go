package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

type valuer struct{}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func (valuer) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", "bob"), slog.String("password", "hunter2"))
}

func TestLogger(t *testing.T) {
	var b bytes.Buffer
	lg := NewLogger(LogConfig{}, &b)
	lg.Debug("not at this level")
	lg.With("api_key", "hunter2").WithGroup("request").Info("with Bearer hunter2 and eyJhbGciOiJFUzI1NiJ9.e30.sig",
		"Authorization", "Bearer hunter2", "set-cookie", "sid=hunter2", "client_secret", []byte("hunter2"), "token", 42,
		"access_token", "hunter2", "proxy-authorization", "hunter2", "dpop", "hunter2",
		"header", http.Header{"Cookie": {"hunter2"}, "Accept": {"*/*"}},
		"nested", map[string]any{"list": []any{map[string]any{"Password": "hunter2", "n": 1}}, "reset_token": "", "secret": true},
		"struct", struct{ PrivateKey, Name string }{"hunter2", "n"},
		"valuer", valuer{}, "err", errors.New("dial: Basic hunter2= refused"),
		"addr", netip.MustParseAddr("192.0.2.1"), "took", time.Second, "count", 7, "tokens", 3, "ok", true,
		"password_set", true, "secret", "", "chan", make(chan int), "nil", (*nilError)(nil), "prose", "a bearer token is required",
		"key", "gk_abcdefghijkl_hunter2hunter2hunter2 of gk_abcdefghijkl", slog.Group("g", "otp", "hunter2"))
	if strings.Contains(b.String(), "hunter2") || strings.Contains(b.String(), "eyJ") {
		t.Errorf("a secret is in the log: %s", b.String())
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	const m = masked
	want := map[string]any{"level": "INFO", "msg": "with Bearer " + m + " and " + m, "api_key": m, "request": map[string]any{
		"Authorization": m, "set-cookie": m, "client_secret": m, "token": m, "access_token": m, "proxy-authorization": m, "dpop": m,
		"header": map[string]any{"Cookie": m, "Accept": []any{"*/*"}},
		"nested": map[string]any{"list": []any{map[string]any{"Password": m, "n": 1.0}}, "reset_token": m, "secret": true},
		"struct": map[string]any{"PrivateKey": m, "Name": "n"},
		"valuer": map[string]any{"user": "bob", "password": m}, "err": "dial: Basic " + m + " refused",
		"addr": "192.0.2.1", "took": 1e9, "count": 7.0, "tokens": 3.0, "ok": true, "password_set": true, "secret": "",
		"nil":  "a *telemetry.nilError that cannot be printed",
		"chan": "a chan int that has no JSON form", "prose": "a bearer token is required", "key": m + " of gk_abcdefghijkl", "g": map[string]any{"otp": m},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLoggerLevels(t *testing.T) {
	var b bytes.Buffer
	lg := NewLogger(LogConfig{Level: "error"}, &b)
	lg.Warn("quiet")
	if b.Len() != 0 {
		t.Error(b.String())
	}
	lg.Error("loud")
	if b.Len() == 0 {
		t.Error("nothing")
	}
}

// Whatever is logged, it is one line of JSON that changes nothing on a terminal,
// and reads back as it was.
func FuzzLogger(f *testing.F) {
	for _, s := range []string{"a\r\nb", "\x1b[2J", "\u009b31m\x7f", "\u202e\u2066\u200b\ufeff", "\xff\xfe", "\U000e0001", `"\`, "é漢😀"} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, msg, key, value string) {
		if len(msg)+len(key)+len(value) > maxText {
			return
		}
		var b bytes.Buffer
		NewLogger(LogConfig{}, &b).Info(msg, "k"+key, value, "any", map[string]string{key: value}, "err", errors.New(value))
		line, ok := strings.CutSuffix(b.String(), "\n")
		if !ok || !utf8.ValidString(line) {
			t.Fatalf("not a line: %q", b.String())
		}
		for _, r := range line {
			if !unicode.IsGraphic(r) {
				t.Fatalf("%U stands in %q", r, line)
			}
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if want := hideCredentials(msg); got["msg"] != toValid(want) {
			t.Errorf("%q reads back as %q", msg, got["msg"])
		}
	})
}

func toValid(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

func BenchmarkLogger(b *testing.B) {
	lg := NewLogger(LogConfig{}, discard{})
	b.ReportAllocs()
	for b.Loop() {
		lg.Info("configuration reloaded", "hash", "c0ffee", "routes", 500, "took", time.Millisecond)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
