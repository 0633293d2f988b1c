package payload

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// inspector returns one with the configuration, or with none.
func inspector(t testing.TB, c ...Config) *Inspector {
	t.Helper()
	var cfg Config
	if len(c) > 0 {
		cfg = c[0]
	}
	i, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// findings returns what is found as "rule place".
func findings(i *Inspector, in *Input) (list []string) {
	i.Inspect(in, func(f Finding) bool {
		list = append(list, strings.TrimPrefix(f.Rule.ID, "payload.")+" "+f.Place)
		return true
	})
	return list
}

// rules returns the rules that fire, without repeats.
func rules(i *Inspector, in *Input) (list []string) {
	i.Inspect(in, func(f Finding) bool {
		list = append(list, strings.TrimPrefix(f.Rule.ID, "payload."))
		return true
	})
	slices.Sort(list)
	return slices.Compact(list)
}

// carriers put a value into each part of a request that is looked at alike.
func carriers(name, value string) map[string]*Input {
	return map[string]*Input{
		"query": {Method: "GET", Path: "/x", Query: url.QueryEscape(name) + "=" + url.QueryEscape(value)},
		"form": {Method: "POST", Path: "/x", ContentType: "application/x-www-form-urlencoded",
			Body: []byte(url.Values{name: {value}}.Encode())},
		"json":   {Method: "POST", Path: "/x", ContentType: "application/json", Body: []byte(`{"a":1,"list":[{` + quote(name) + `:[` + quote(value) + `]}]}`)},
		"header": {Method: "GET", Path: "/x", Header: gatehouse.Header{{Name: name, Value: value}}},
		"multipart": {Method: "POST", Path: "/x", ContentType: "multipart/form-data; boundary=b",
			Body: []byte("--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n--b--\r\n")},
		"graphql": {Method: "POST", Path: "/graphql", ContentType: "application/graphql",
			Body: []byte(`mutation { f(` + name + `: ` + quote(value) + `) }`)},
	}
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			b.WriteString(`\u00` + string("0123456789abcdef"[r>>4]) + string("0123456789abcdef"[r&15]))
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// expect checks that a value in the given parts fires rule, or nothing where rule is "".
func expect(t *testing.T, i *Inspector, rule, name, value string, parts ...string) {
	t.Helper()
	for part, in := range carriers(name, value) {
		if !slices.Contains(parts, part) {
			continue
		}
		got := rules(i, in)
		switch {
		case rule == "" && len(got) > 0:
			t.Errorf("%s %s=%q: %v, want nothing", part, name, value, got)
		case rule != "" && !slices.Contains(got, rule):
			t.Errorf("%s %s=%q: %v, want %s", part, name, value, got, rule)
		}
	}
}

var bodies = []string{"query", "form", "json", "multipart"}

func TestCatalogue(t *testing.T) {
	list := Rules()
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.ID
		if r.Title == "" || r.Severity == "" || !strings.HasPrefix(r.Class, "API") || !strings.HasSuffix(r.Class, ":2023") {
			t.Errorf("%+v is incomplete", r)
		}
		if strings.HasPrefix(r.ID, "payload.prompt.") && (r.Default != gatehouse.Monitor || !r.signOnly) {
			t.Errorf("%s must only monitor", r.ID)
		}
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != len(list) {
		t.Errorf("ids are not in order, or not unique: %v", ids)
	}
	list[0].ID = "changed"
	if Rules()[0].ID == "changed" {
		t.Error("the catalogue can be changed")
	}
}

func TestPlaces(t *testing.T) {
	i := inspector(t)
	const target = "http://10.0.0.1/"
	jwt := "eyJhbGciOiJub25lIn0.e30."
	for _, c := range []struct {
		in   Input
		want []string
	}{
		{Input{Query: "a=1&url=" + target}, []string{"ssrf.private query:url"}},
		{Input{Query: "a=1&url=" + target + "&b[$ne]=1"}, []string{"ssrf.private query:url", "nosql.operator query:b[$ne]"}},
		{Input{Query: target}, []string{"ssrf.private query:"}},
		{Input{Query: "%0d%0Ax[$ne]=1"}, []string{"nosql.operator query:??x[$ne]"}},
		{Input{Path: "/proxy/" + target}, []string{"ssrf.private path"}},
		{Input{Header: gatehouse.Header{{Name: "Cookie", Value: "a=b; s=" + jwt}}}, []string{"jwt.unsigned cookie:s"}},
		{Input{Header: gatehouse.Header{{Name: "X-Callback-URL", Value: target}}}, []string{"ssrf.private header:x-callback-url"}},
		{Input{Header: gatehouse.Header{{Name: "Referer", Value: target}, {Name: "X-Forwarded-For", Value: "10.0.0.1"}, {Name: "Authorization", Value: "Bearer " + jwt}}}, nil},
		{Input{ContentType: "application/json", Body: []byte(`{"orders":[{"u":"` + target + `"},{"$ne":1}]}`)},
			[]string{"ssrf.private body:/orders/0/u", "nosql.operator body:/orders/1/$ne"}},
		{Input{ContentType: "application/json", Body: []byte(`{"orders":[{"target":[2852039166,1732222222,2147483647]},{"id":2852039166}]}`)},
			[]string{"ssrf.metadata body:/orders/0/target/0"}},
		{Input{ContentType: "application/json; charset=utf-8", Body: []byte(`"` + target + `"`)}, []string{"ssrf.private body:"}},
		{Input{Query: "filter=" + url.QueryEscape(`{"a":{"$gt":""}}`)}, []string{"nosql.operator query:filter#/a/$gt"}},
		{Input{ContentType: "application/json", Body: []byte(`{"q":{"f":"{\"a\":[{\"$gt\":1}]}"}}`)}, []string{"nosql.operator body:/q/f#/a/0/$gt"}},
		{Input{ContentType: "", Body: []byte(` {"$where":"1"}`)}, []string{"nosql.code body:/$where"}},
		{Input{ContentType: "application/x-ndjson", Body: []byte("{}\n{\"$where\":\"1\"}\n")}, []string{"nosql.code body:/$where"}},
		{Input{ContentType: "text/plain", Body: []byte(`$where ../../x http://10.0.0.1`)}, nil},
		{Input{ContentType: "multipart/form-data; boundary=b", Body: []byte("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../../x\"\r\nContent-Type: image/png\r\n\r\n../../y\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"u\":\"" + target + "\"}\r\n--b--\r\n")},
			[]string{"traversal.path body:f", "ssrf.private body:meta#/u"}},
	} {
		if d := cmp.Diff(c.want, findings(i, &c.in)); d != "" {
			t.Errorf("%+v: %s", c.in, d)
		}
	}
}

func TestStopAndRepeat(t *testing.T) {
	i := inspector(t)
	in := &Input{Query: strings.Repeat("a[$ne]=../../x&", 100)}
	if got := findings(i, in); len(got) != 2*repeats {
		t.Errorf("%d findings", len(got))
	}
	n := 0
	i.Inspect(in, func(Finding) bool { n++; return false })
	if n != 1 {
		t.Errorf("%d findings after a stop", n)
	}
}

func TestModes(t *testing.T) {
	in := &Input{Query: "url=http://169.254.169.254/&x=http://127.0.0.1/&b[$ne]=1"}
	i := inspector(t, Config{Rules: map[string]gatehouse.Mode{
		"payload.ssrf.*": gatehouse.Monitor, "payload.ssrf.private": gatehouse.Off, "payload.nosql.*": gatehouse.Off}})
	var got []string
	i.Inspect(in, func(f Finding) bool {
		got = append(got, f.Rule.ID+" "+f.Mode.String()+" "+f.Hint)
		return true
	})
	if d := cmp.Diff([]string{"payload.ssrf.metadata monitor by its address"}, got); d != "" {
		t.Error(d)
	}
}

// token makes a token of a header and claims, with a signature's place filled.
func token(header, signature string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(`{"sub":"alice"}`)) + "." + signature
}

func TestTokens(t *testing.T) {
	i := inspector(t)
	const sig = "c2lnbmF0dXJlc2lnbmF0dXJl"
	parts := []string{"query", "form", "json", "multipart", "header"}
	for _, c := range []struct{ rule, value string }{
		{"jwt.unsigned", token(`{"alg":"none"}`, "")},
		{"jwt.unsigned", token(`{"alg":"none","typ":"JWT"}`, sig)},
		{"jwt.unsigned", token(`{"typ":"JWT","alg":"nOnE"}`, "")},
		{"jwt.unsigned", token(`{"alg":"NONE"}`, "")},
		{"jwt.unsigned", token(`{"alg":""}`, sig)},
		{"jwt.unsigned", token(`{"alg":" none "}`, sig)},
		{"jwt.unsigned", token("\n {\"alg\":\"n\\u006fne\"}", sig)},
		{"jwt.unsigned", token(`{"alg":"HS256"}`, "")},
		{"jwt.unsigned", "Bearer " + token(`{"alg":"none"}`, sig)},
		{"jwt.unsigned", "https://a.example.com/cb#token=" + token(`{"alg":"none"}`, sig)},
		{"jwt.duplicate_member", token(`{"alg":"RS256","alg":"none"}`, sig)},
		{"jwt.key_url", token(`{"alg":"RS256","jku":"https://evil.example/keys"}`, sig)},
		{"jwt.key_url", token(`{"alg":"RS256","x5u":"https://evil.example/cert"}`, sig)},
		{"jwt.embedded_key", token(`{"alg":"RS256","jwk":{"kty":"RSA"}}`, sig)},
		{"jwt.kid", token(`{"alg":"HS256","kid":"../../../../dev/null"}`, sig)},
		{"jwt.kid", token(`{"alg":"HS256","kid":"/dev/null"}`, sig)},
		{"jwt.kid", token(`{"alg":"HS256","kid":"x' UNION SELECT 'key"}`, sig)},
		{"jwt.kid", token(`{"alg":"HS256","kid":"k;id|nc"}`, sig)},
		{"jwt.kid", token(`{"alg":"HS256","kid":"key\u0000"}`, sig)},
		{"", token(`{"alg":"HS256","typ":"JWT"}`, sig)},
		{"", token(`{"alg":"RS256","kid":"2026-11"}`, sig)},
		{"", token(`{"alg":"RS256","kid":"9f/2c+a=="}`, sig)},
		{"", token(`{"alg":"RS256","kid":"https://id.example.com/keys/1"}`, sig)},
		{"", token(`{"alg":"ES256","typ":"vc","x5c":["MIIB"]}`, sig)},
		{"", token(`{"alg":"dir","enc":"A256GCM"}`, "") + ".aXY.Y3Q.dGFn"}, // a JWE has no encrypted key
		{"", token(`{"typ":"JWT"}`, "")},                                   // no token: it has no alg
		{"", "www.verylongdomainname.example.com"},
		{"", "internationalization.localization.modules"},
		{"", "eyJub3QiOiJhIHRva2VuIn0.just.words"},
		{"", "v1.2.3-alpha.4.build.eyJ"},
		{"", strings.Repeat("eyJhbGciOiJub25lIn0", 3)},
	} {
		expect(t, i, c.rule, "x-state", c.value, parts...)
	}
}

func TestJSONLimits(t *testing.T) {
	i := inspector(t, Config{JSON: JSONConfig{Depth: 5, Keys: 10}, Rules: map[string]gatehouse.Mode{"payload.json.malformed": gatehouse.Enforce}})
	keys := func(n int) string {
		var b strings.Builder
		for k := range n {
			b.WriteString(`,"k` + strings.Repeat("x", k) + `":1`)
		}
		return "{" + b.String()[1:] + "}"
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{strings.Repeat("[", 5) + strings.Repeat("]", 5), nil},
		{strings.Repeat("[", 6) + strings.Repeat("]", 6), []string{"json.depth"}},
		{strings.Repeat(`{"a":`, 6) + "1" + strings.Repeat("}", 6), []string{"json.depth"}},
		{strings.Repeat("[", 5000) + strings.Repeat("]", 5000), []string{"json.depth"}},
		{keys(10), nil},
		{keys(11), []string{"json.keys"}},
		{"[" + keys(6) + "," + keys(6) + "]", []string{"json.keys"}},
		{`{"a":1,"a":2}`, []string{"json.malformed"}},
		{`{"a":`, []string{"json.malformed"}},
		{`null`, nil},
		{`"text"`, nil},
		{`[[[["four"]]]]`, nil},
	} {
		in := &Input{ContentType: "application/vnd.api+json", Body: []byte(c.text)}
		if d := cmp.Diff(c.want, rules(i, in)); d != "" {
			t.Errorf("%.40s: %s", c.text, d)
		}
	}
	if got := rules(inspector(t), &Input{ContentType: "application/json", Body: []byte(`{"a":1,"a":2}`)}); got != nil {
		t.Errorf("malformed JSON is reported without being asked for: %v", got)
	}
	// What only monitors does not end the inspection.
	i = inspector(t, Config{JSON: JSONConfig{Depth: 2}, Rules: map[string]gatehouse.Mode{"payload.json.depth": gatehouse.Monitor}})
	if d := cmp.Diff([]string{"json.depth", "nosql.operator"}, rules(i, &Input{ContentType: "application/json", Body: []byte(`[[[{"$ne":1}]]]`)})); d != "" {
		t.Error(d)
	}
}
