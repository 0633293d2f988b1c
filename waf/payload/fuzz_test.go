package payload

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/strictjson"
)

// spell writes an address as inet_aton(3) allows.
func spell(n uint32, style uint16) string {
	parts := int(style&3) + 1
	rest := n
	var b strings.Builder
	for k := range parts {
		v := rest
		if k < parts-1 {
			v = rest >> 24
			rest <<= 8
		} else {
			v >>= 8 * k
		}
		if k > 0 {
			b.WriteByte('.')
		}
		format := [...]string{"%d", "0x%x", "0%o", "0X%X", "000%o", "0x000%x"}[int(style>>(2+3*k))&7%6]
		fmt.Fprintf(&b, format, v)
	}
	return b.String()
}

func FuzzReadIPv4(f *testing.F) {
	f.Add(uint32(0xA9FEA9FE), uint16(0))
	f.Add(uint32(0x7F000001), uint16(0xffff))
	f.Add(uint32(0x08080808), uint16(0x1234))
	f.Fuzz(func(t *testing.T, n uint32, style uint16) {
		s := spell(n, style)
		r, ok := readIPv4(s, false)
		// 010.0.0.1 is read as decimal too; what it leads to is at least as bad.
		if want := fromUint32(n); !ok || r.reach < reachOf(want) || !strings.Contains(s, "0") && r.addr != want {
			t.Errorf("%s (%v): %+v %v", s, want, r, ok)
		}
		if loose, ok := readIPv4(s+".", true); !ok || loose.reach < r.reach {
			t.Errorf("%s. with loose spelling: %+v", s, loose)
		}
	})
}

func FuzzHost(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "[::1%25eth0]:80", "①.２.%33.0x4", "a.nip.io", "7f000001.10-0-0-1.sslip.io", "::ffff:1.2.3.4", "\xc0\xae", "localhost.", "%u0031"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := string(appendHost(nil, s))
		if len(folded) > len(s) {
			t.Errorf("%q grew to %q", s, folded)
		}
		if again := string(appendASCII(nil, folded)); utf8.ValidString(folded) && again != folded && strings.ToLower(again) != folded {
			t.Errorf("%q folds to %q and then %q", s, folded, again)
		}
		strict, loose := readHost(folded, false), readHost(folded, true)
		if loose.reach < strict.reach {
			t.Errorf("%q: in a URL %v, alone %v", folded, loose, strict)
		}
		if !strings.ContainsAny(s, "%") {
			if a, err := netip.ParseAddr(s); err == nil {
				if want := reachOf(a.Unmap()); loose.reach < want || strict.reach < want {
					t.Errorf("%q: %v and %v, want %v", s, strict, loose, want)
				}
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"%2e%2E/", "%25%32%65", "%u002e", "%c0%ae", "100%", "%", "%u12", "．．／", "a+b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := string(appendUnpercented(nil, s))
		if want, err := url.PathUnescape(s); err == nil && once != want {
			t.Errorf("%q: %q, want %q", s, once, want)
		}
		if form := string(appendForm(nil, s)); true {
			if want, err := url.QueryUnescape(s); err == nil && form != want {
				t.Errorf("%q: %q, want %q", s, form, want)
			}
		}
		w := &walk{}
		if plain := w.plainPath(s, classify(s)); len(plain) > len(s) {
			t.Errorf("%q grew to %q", s, plain)
		}
		leadsOut(s)
		if raw, err := base64.RawURLEncoding.DecodeString(s); err == nil && !strings.ContainsAny(s, "\r\n") && string(appendBase64(nil, s)) != string(raw) {
			t.Errorf("base64 %q", s)
		}
	})
}

func FuzzInspect(f *testing.F) {
	types := []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/graphql", "application/x-ndjson", ""}
	f.Add("/graphql", "a=b&c[$ne]=http://127.0.0.1", "x-url", "eyJhbGciOiJub25lIn0.e30.", uint8(0), []byte(order))
	f.Add("/x", "query={a}", "Cookie", "a=%2e%2e/; b", uint8(1), []byte("a=b&url=//localhost"))
	f.Add("/x", "%", "", "", uint8(2), []byte("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n../../x\r\n--b--"))
	f.Add("/x/../%2e", "", "a", "b", uint8(3), []byte("{a(first:3){...f}} fragment f on T{...f}"))
	f.Add("/", "", "", "", uint8(5), []byte(`{"a":"{\"__proto__\":[\"\\u0000\"]}"}`))
	i, err := New(Config{LLM: LLMConfig{Fields: []string{"prompt", "a", "b"}}, SSRF: SSRFConfig{Bare: BareEvery, Allow: []string{"10.0.0.0/8"}},
		Rules: map[string]gatehouse.Mode{"payload.json.malformed": gatehouse.Enforce}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, query, name, value string, kind uint8, body []byte) {
		before := string(body)
		n := 0
		i.Inspect(&Input{Path: path, Query: query, Header: gatehouse.Header{{Name: name, Value: value}},
			ContentType: types[int(kind)%len(types)], Body: body}, func(found Finding) bool {
			n++
			if len(found.Place) > 4*maxName+100 || len(found.Hint) > 100 {
				t.Errorf("%d bytes of place, %q", len(found.Place), found.Hint)
			}
			for _, c := range []byte(found.Place + found.Hint) {
				if c < ' ' || c >= 0x7f {
					t.Errorf("%q is not inert", found.Place)
				}
			}
			return true
		})
		if n > repeats*int(ruleCount) {
			t.Errorf("%d findings", n)
		}
		if string(body) != before {
			t.Error("the body was changed")
		}
	})
}

func FuzzGraphQL(f *testing.F) {
	for _, s := range []string{introspection, chain(5), "{a(b:{c:[\"\"]})@d}", "query($a:Int=1){b(first:$a)}", "subscription{a}", "\"d\" query{a}"} {
		f.Add(s, `{"a":1}`)
	}
	i, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s, variables string) {
		body := `{"query":` + string(strictjson.AppendQuoted(nil, []byte(strings.ToValidUTF8(s, "?")))) + `,"variables":` + variables + `}`
		i.Inspect(&Input{Path: "/graphql", ContentType: "application/json", Body: []byte(body)}, func(Finding) bool { return true })
	})
}
