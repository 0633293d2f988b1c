package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// maxText bounds one text of the log, in bytes: a stack trace fits.
const maxText = 16 << 10

// NewLogger returns the process's log: one JSON object per line on w. Values of
// attributes with a telling name (password, token, cookie …) are masked, and
// credentials in other texts; every character a terminal might obey is escaped.
func NewLogger(cfg LogConfig, w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(inertWriter{w}, &slog.HandlerOptions{
		Level: levels[cfg.WithDefaults().Level], ReplaceAttr: maskAttr}))
}

const masked = "[masked]"

func maskAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return a
	}
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		return a // its members come by one by one
	}
	a.Key = clip(a.Key)
	if secretName(a.Key) && v.Kind() != slog.KindBool && !(v.Kind() == slog.KindString && v.String() == "") {
		return slog.String(a.Key, masked)
	}
	switch v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(hideCredentials(clip(v.String())))
	case slog.KindAny:
		a.Value = maskAny(v.Any())
	}
	return a
}

// maskAny masks what is inside a value by its JSON form, since the handler would
// write that.
func maskAny(v any) (masked slog.Value) {
	defer func() {
		if recover() != nil { // a nil pointer in an interface, mostly; logging must not end a request
			masked = slog.StringValue(fmt.Sprintf("a %T that cannot be printed", v))
		}
	}()
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return slog.StringValue(hideCredentials(clip(v.Error())))
	case json.Marshaler:
	case fmt.Stringer:
		return slog.StringValue(hideCredentials(clip(v.String())))
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return slog.StringValue(fmt.Sprintf("a %T that has no JSON form", v))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return slog.StringValue(fmt.Sprintf("a %T that has no JSON form", v))
	}
	return slog.AnyValue(maskTree(tree))
}

func maskTree(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if _, isBool := value.(bool); secretName(key) && !isBool {
				v[key] = masked
			} else {
				v[key] = maskTree(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = maskTree(v[i])
		}
	case string:
		return hideCredentials(clip(v))
	}
	return v
}

// secretParts make a name telling wherever they stand in it.
var secretParts = []string{"password", "passwd", "passphrase", "secret", "authorization", "cookie", "apikey",
	"privatekey", "credential", "accesstoken", "refreshtoken", "idtoken", "bearer", "assertion"}

// secretName reports whether the values under a name are secret: "Set-Cookie",
// "client_secret", "X-API-Key", "token".
func secretName(name string) bool {
	folded := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	for _, part := range secretParts {
		if strings.Contains(folded, part) {
			return true
		}
	}
	return strings.HasSuffix(folded, "token") || folded == "jwt" || folded == "dpop" || folded == "pin" || folded == "otp"
}

// hideCredentials replaces what looks like one: a JOSE token (base64url of `{"`
// and more), an API key, and what follows the name of an authentication scheme.
func hideCredentials(s string) string {
	if !strings.Contains(s, "eyJ") && !strings.Contains(s, "gk_") && !containsScheme(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if !credentialByte(s[i]) {
			b.WriteByte(s[i])
			i++
			continue
		}
		end := i
		for end < len(s) && credentialByte(s[end]) {
			end++
		}
		word := s[i:end]
		at, key := strings.Index(word, "eyJ"), strings.Index(word, "gk_")
		switch {
		case at >= 0 && len(word)-at >= 10:
			b.WriteString(word[:at] + masked)
		case key >= 0 && len(word)-key >= 24: // the gateway's API keys, beyond their public prefix
			b.WriteString(word[:key] + masked)
		case i > 0 && s[i-1] == ' ' && endsInScheme(s[:i-1]) && !proseWord(word):
			b.WriteString(masked)
		default:
			b.WriteString(word)
		}
		i = end
	}
	return b.String()
}

// credentialByte reports whether c may stand in a token68 (RFC 9110, section
// 11.2).
func credentialByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/=", c) >= 0
}

// proseWord tells "bearer token required" from a credential.
func proseWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

var schemes = [...]string{"bearer", "basic", "dpop"}

func containsScheme(s string) bool {
	s = strings.ToLower(s)
	for _, name := range schemes {
		if strings.Contains(s, name+" ") {
			return true
		}
	}
	return false
}

func endsInScheme(s string) bool {
	for _, name := range schemes {
		if n := len(s) - len(name); n >= 0 && strings.EqualFold(s[n:], name) {
			return true
		}
	}
	return false
}

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

// An inertWriter escapes, in lines of JSON, what is not visible: DEL, C1, bidi
// and zero-width characters. encoding/json has escaped the rest, and beyond ASCII
// characters stand inside strings only.
type inertWriter struct{ w io.Writer }

func (w inertWriter) Write(line []byte) (int, error) {
	clean := true
	for _, c := range line {
		if c >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return w.w.Write(line)
	}
	out := make([]byte, 0, len(line)+64)
	for _, r := range string(line) {
		switch {
		case r < 0x7f || unicode.IsGraphic(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	if _, err := w.w.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}
