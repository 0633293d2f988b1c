package jose

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var e *gatehouse.Error
	switch {
	case code == "" && err == nil:
	case code == "":
		t.Fatalf("refused: %v", err)
	case !errors.As(err, &e):
		t.Fatalf("want %s, got %v", code, err)
	case e.Code != code:
		t.Fatalf("want %s, got %s: %v", code, e.Code, err)
	}
}

// compact makes a token of a header and claims as they are written.
func compact(header, claims string) string {
	return b64([]byte(header)) + "." + b64([]byte(claims)) + "." + b64(make([]byte, 64))
}

func TestParseRefuses(t *testing.T) {
	const head = `{"alg":"ES256"}`
	good := compact(head, `{"sub":"alice"}`)
	segments := strings.Split(good, ".")
	deep := strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16)

	for _, tt := range []struct{ name, token, code string }{
		{"good", good, ""},
		{"as large as the limit", compact(head, `{"a":"`+strings.Repeat("x", 600)+`"}`), ""},
		{"too large", compact(head, `{"a":"`+strings.Repeat("x", 700)+`"}`), "token.too_large"},

		// Segments.
		{"empty", "", "token.segments"},
		{"one segment", "abc", "token.segments"},
		{"two segments", segments[0] + "." + segments[1], "token.segments"},
		{"four segments", good + ".AA", "token.segments"},
		{"six segments", good + ".AA.AA.AA", "token.segments"},
		{"five segments", good + ".AA.AA", "token.encrypted"},
		{"no header", "." + segments[1] + "." + segments[2], "token.segments"},
		{"no claims", segments[0] + ".." + segments[2], "token.segments"},
		{"no signature", segments[0] + "." + segments[1] + ".", "token.segments"},

		// Encoding.
		{"padding", segments[0] + "=." + segments[1] + "." + segments[2], "token.encoding"},
		{"standard alphabet", segments[0] + "." + segments[1] + ".+/AA", "token.encoding"},
		{"line break in the header", segments[0][:4] + "\n" + segments[0][4:] + "." + segments[1] + "." + segments[2], "token.encoding"},
		{"carriage return in the claims", segments[0] + "." + segments[1] + "\r." + segments[2], "token.encoding"},
		{"line break after the token", good + "\n", "token.encoding"},
		{"space before the token", " " + good, "token.encoding"},
		{"trailing bits", segments[0] + "." + segments[1] + ".AB", "token.encoding"},
		{"impossible length", segments[0] + "." + segments[1] + ".AAAAA", "token.encoding"},
		{"non-ASCII", segments[0] + "." + segments[1] + ".é", "token.encoding"},
		{"NUL", segments[0] + "." + segments[1] + ".AA\x00A", "token.encoding"},
		{"signature of no algorithm", segments[0] + "." + segments[1] + "." + strings.Repeat("A", 2000), "token.too_large"},

		// JSON.
		{"header no object", compact(`"alg"`, `{}`), "token.malformed"},
		{"claims no object", compact(head, `[]`), "token.malformed"},
		{"claims empty", compact(head, ` `), "token.malformed"},
		{"comma at the end", compact(head, `{"a":1,}`), "token.malformed"},
		{"no comma", compact(head, `{"a":1"b":2}`), "token.malformed"},
		{"comment", compact(head, `{"a":1/**/}`), "token.malformed"},
		{"single quotes", compact(head, `{'a':1}`), "token.malformed"},
		{"bare name", compact(head, `{a:1}`), "token.malformed"},
		{"leading zero", compact(head, `{"a":01}`), "token.malformed"},
		{"plus", compact(head, `{"a":+1}`), "token.malformed"},
		{"bare point", compact(head, `{"a":1.}`), "token.malformed"},
		{"NaN", compact(head, `{"exp":NaN}`), "token.malformed"},
		{"hex", compact(head, `{"exp":0x10}`), "token.malformed"},
		{"raw line break in a string", compact(head, "{\"a\":\"\n\"}"), "token.malformed"},
		{"unknown escape", compact(head, `{"a":"\x41"}`), "token.malformed"},
		{"unterminated", compact(head, `{"a":"`), "token.malformed"},
		{"byte order mark", compact(head, "\ufeff{}"), "token.malformed"},
		{"trailing text", compact(head, `{} x`), "token.trailing_data"},
		{"second object", compact(head, `{"sub":"a"}{"sub":"b"}`), "token.trailing_data"},
		{"trailing NUL", compact(head, "{}\x00"), "token.trailing_data"},
		{"second header", compact(head+head, `{}`), "token.trailing_data"},
		{"overlong UTF-8", compact(head, "{\"a\":\"\xc0\xaf\"}"), "token.utf8"},
		{"surrogate in UTF-8", compact(head, "{\"a\":\"\xed\xa0\x80\"}"), "token.utf8"},
		{"lone high surrogate", compact(head, `{"a":"\ud800"}`), "token.utf8"},
		{"lone low surrogate", compact(head, `{"a":"\udc00"}`), "token.utf8"},
		{"surrogates the wrong way round", compact(head, `{"a":"\udc00\ud800"}`), "token.utf8"},
		{"surrogate and letter", compact(head, `{"a":"\ud800A"}`), "token.utf8"},
		{"as deep as allowed", compact(head, deep), ""},
		{"too deep", compact(head, `{"a":`+deep+`}`), "token.too_deep"},
		{"arrays too deep", compact(head, `{"a":`+strings.Repeat("[", 300)), "token.too_deep"},
		{"long number", compact(head, `{"a":`+strings.Repeat("1", 65)+`}`), "token.out_of_bounds"},

		// Duplicates and twins.
		{"sub twice", compact(head, `{"sub":"a","sub":"b"}`), "token.duplicate_member"},
		{"sub twice, one escaped", compact(head, `{"sub":"a","\u0073ub":"b"}`), "token.duplicate_member"},
		{"deep inside", compact(head, `{"a":[{"b":1,"b":1}]}`), "token.duplicate_member"},
		{"alg twice", compact(`{"alg":"ES256","alg":"none"}`, `{}`), "token.duplicate_member"},
		{"EXP", compact(head, `{"EXP":1}`), "token.case_folded"},
		{"long s", compact(head, `{"\u017fub":"a"}`), "token.case_folded"},
		{"Kelvin sign", compact("{\"alg\":\"ES256\",\"\u212aid\":\"a\"}", `{}`), "token.case_folded"},
		{"x5t#s256", compact(head, `{"cnf":{"x5t#s256":"a"}}`), "token.case_folded"},
		{"Alg", compact(`{"Alg":"none","alg":"ES256"}`, `{}`), "token.case_folded"},
		{"a name of its own in capitals", compact(head, `{"Department":"a","https://example.com/EXP":1}`), ""},

		// Header.
		{"no alg", compact(`{}`, `{}`), "token.header"},
		{"alg number", compact(`{"alg":1}`, `{}`), "token.header"},
		{"alg null", compact(`{"alg":null}`, `{}`), "token.header"},
		{"none", compact(`{"alg":"none"}`, `{}`), "token.alg_none"},
		{"nOnE", compact(`{"alg":"nOnE"}`, `{}`), "token.alg_none"},
		{"none without a signature", b64([]byte(`{"alg":"none"}`)) + "." + segments[1] + ".", "token.alg_none"},
		{"unknown alg", compact(`{"alg":"ES256K"}`, `{}`), "token.alg_unknown"},
		{"lower case alg", compact(`{"alg":"es256"}`, `{}`), "token.alg_unknown"},
		{"crit", compact(`{"alg":"ES256","crit":["exp"]}`, `{}`), "token.crit"},
		{"crit empty", compact(`{"alg":"ES256","crit":[]}`, `{}`), "token.crit"},
		{"crit null", compact(`{"alg":"ES256","crit":null}`, `{}`), "token.crit"},
		{"b64", compact(`{"alg":"ES256","b64":true}`, `{}`), "token.b64"},
		{"zip", compact(`{"alg":"ES256","zip":"DEF"}`, `{}`), "token.zip"},
		{"enc", compact(`{"alg":"ES256","enc":"A128GCM"}`, `{}`), "token.encrypted"},
		{"jwk", compact(`{"alg":"ES256","jwk":{}}`, `{}`), "token.embedded_key"},
		{"kid number", compact(`{"alg":"ES256","kid":1}`, `{}`), "token.header"},
		{"kid empty", compact(`{"alg":"ES256","kid":""}`, `{}`), "token.header"},
		{"typ list", compact(`{"alg":"ES256","typ":["at+jwt"]}`, `{}`), "token.header"},
		{"cty and others", compact(`{"alg":"ES256","cty":"x","x5t":"y","jku":"https://example.com"}`, `{}`), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token, err := Parse(tt.token, 1024)
			wantCode(t, err, tt.code)
			if err == nil {
				return
			}
			if token != nil {
				t.Error("a token beside an error")
			}
			if e := err.(*gatehouse.Error); e.Status != http.StatusUnauthorized {
				t.Errorf("status %d", e.Status)
			}
		})
	}
}

func TestParseBounds(t *testing.T) {
	head := `{"alg":"ES256"}`
	for _, tt := range []struct {
		claims, code string
	}{
		{`{"a":[` + strings.Repeat("1,", 4094) + `1]}`, ""},
		{`{"a":[` + strings.Repeat("1,", 4095) + `1]}`, "token.out_of_bounds"},
	} {
		_, err := Parse(compact(head, tt.claims), 0)
		wantCode(t, err, tt.code)
	}
	sig := strings.Repeat("A", 1368)
	_, err := Parse(b64([]byte(head))+".e30."+sig, 0)
	wantCode(t, err, "token.signature_format")
	_, err = Parse(strings.Repeat("a", MaxToken+1), 0)
	wantCode(t, err, "token.too_large")
}

// Refusing must be cheap for us: no error is made on the way.
func TestRefusalAllocates(t *testing.T) {
	token := compact(`{"alg":"none"}`, `{}`)
	bad := token[:len(token)-1] + "="
	if n := testing.AllocsPerRun(100, func() { Parse("x.y", 0) }); n > 0 {
		t.Errorf("no segments: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { Parse(bad, 0) }); n > 6 {
		t.Errorf("alg none: %v allocations", n)
	}
}
