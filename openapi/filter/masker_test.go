package filter

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

const testKey = "0123456789abcdef0123456789abcdef"

func masker(t testing.TB, rules ...Rule) *Masker {
	t.Helper()
	m, err := NewMasker(Config{Rules: rules, HashKey: testKey}, []string{"", "secret", "payment"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// apply masks text for a caller.
func apply(t testing.TB, m *Masker, p *gatehouse.Principal, text string) string {
	t.Helper()
	out, err := Body([]byte(text), &Options{View: m.For(p)}, nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return string(out)
}

func TestMasks(t *testing.T) {
	for _, c := range []struct {
		mask     Mask
		asText   bool
		in, want string
	}{
		{MaskNone, false, `{"v":"abc"}`, `{"v":"abc"}`},
		{MaskRemove, false, `{"a":1,"v":"abc"}`, `{"a":1}`},
		{MaskRemove, false, `{"v":{"a":[1]},"b":2}`, `{"b":2}`},
		{MaskRemove, false, `[{"v":1}]`, `[{}]`},
		{MaskRedact, false, `{"v":"abc"}`, `{"v":"***"}`},
		{MaskRedact, false, `{"v":""}`, `{"v":"***"}`},
		{MaskRedact, false, `{"v":-12.50}`, `{"v":0}`},
		{MaskRedact, true, `{"v":-12.50}`, `{"v":"***"}`},
		{MaskRedact, false, `{"v":[true,false,null]}`, `{"v":[false,false,null]}`},
		{MaskRedact, false, `{"v":{"a":"s","b":[1,{"c":true}],"d":{}}}`, `{"v":{"a":"***","b":[0,{"c":false}],"d":{}}}`},
		{MaskLast4, false, `{"v":"4111 1111 1111 1234"}`, `{"v":"***1234"}`},
		{MaskLast4, false, `{"v":"abcdefgh"}`, `{"v":"***efgh"}`},
		{MaskLast4, false, `{"v":"abcdefg"}`, `{"v":"***"}`},
		{MaskLast4, false, `{"v":"äöüßÄÖÜ😀"}`, `{"v":"***ÄÖÜ😀"}`},
		{MaskLast4, false, `{"v":"äöüÄÖÜ😀"}`, `{"v":"***"}`},
		{MaskLast4, false, `{"v":"***1234"}`, `{"v":"***1234"}`},
		{MaskLast4, false, `{"v":"abcdef\u0022\\\n"}`, `{"v":"***f\"\\\n"}`},
		{MaskLast4, false, `{"v":4111111111111234}`, `{"v":0}`},
		{MaskLast4, true, `{"v":4111111111111234}`, `{"v":"***1234"}`},
		{MaskEmail, false, `{"v":"john@example.com"}`, `{"v":"j***@example.com"}`},
		{MaskEmail, false, `{"v":"\u00e4da@example.com"}`, `{"v":"ä***@example.com"}`},
		{MaskEmail, false, `{"v":"j@example.com"}`, `{"v":"***@example.com"}`},
		{MaskEmail, false, `{"v":"***@example.com"}`, `{"v":"***@example.com"}`},
		{MaskEmail, false, `{"v":"no address: john@example.com"}`, `{"v":"***"}`},
		{MaskEmail, false, `{"v":"secret@nowhere"}`, `{"v":"***"}`},
		{MaskEmail, false, `{"v":["x",7]}`, `{"v":["***",0]}`},
		{MaskHash, false, `{"v":true}`, `{"v":false}`},
	} {
		m := masker(t, Rule{Fields: []string{"v"}, Mask: c.mask, AsText: c.asText})
		got := apply(t, m, nil, c.in)
		if got != c.want {
			t.Errorf("%v of %s: %s, want %s", c.mask, c.in, got, c.want)
		}
		if again := apply(t, m, nil, got); again != got {
			t.Errorf("%v of %s: %s, and again %s", c.mask, c.in, got, again)
		}
	}
}

func TestHash(t *testing.T) {
	m := masker(t, Rule{Fields: []string{"v"}, Mask: MaskHash})
	one, two := apply(t, m, nil, `{"v":"ada"}`), apply(t, m, nil, `[{"v":"\u0061da"},{"v":"bob"},{"v":12}]`)
	pseudonym := strings.TrimSuffix(strings.TrimPrefix(one, `{"v":"`), `"}`)
	if len(pseudonym) != 32 || strings.Trim(pseudonym, "0123456789abcdef") != "" {
		t.Errorf("%s", one)
	}
	if strings.Count(two, pseudonym) != 1 {
		t.Errorf("the pseudonym %s is not stable, or not of one value: %s", pseudonym, two)
	}
	number := value(t, two).([]any)[2].(map[string]any)["v"]
	if n := fmt.Sprint(number); n == "12" || len(n) > 16 || strings.Trim(n, "0123456789") != "" {
		t.Errorf("a number becomes %v", number)
	}
	other, err := NewMasker(Config{Rules: m.rules, HashKey: testKey + "!"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if apply(t, other, nil, `{"v":"ada"}`) == one {
		t.Error("another key gives the same pseudonym")
	}
}

func TestFieldPatterns(t *testing.T) {
	m := masker(t,
		Rule{Fields: []string{"open_*"}, Mask: MaskNone},
		Rule{Fields: []string{"Card-Number", "*token*", "pass*word", "*_key"}, Mask: MaskRedact},
		Rule{Fields: []string{"cardnumber", "all"}, Mask: MaskRemove})
	for name, hidden := range map[string]bool{
		"cardNumber": true, "card_number": true, "CARD-NUMBER": true, "cardnumbers": false, "card number": false,
		"token": true, "accessToken": true, "token_id": true, "to-ken": true, "tokn": false,
		"password": true, "pass_the_word": true, "passwor": false, "apiKey": true, "key": true, "keys": false,
		"openToken": false, "open_api_key": false, "": false, "***": false,
		strings.Repeat("x", 100) + "Token" + strings.Repeat("y", 100): true,
	} {
		text := fmt.Sprintf(`{"%s":"v"}`, name)
		for range 2 { // the second time from the cache
			if got := apply(t, m, nil, text); (got != text) != hidden || hidden && !strings.Contains(got, "***") {
				t.Errorf("%s", got)
			}
		}
	}
	if got := apply(t, m, nil, `{"\u0054oken":"v","a":"v"}`); got != `{"\u0054oken":"***","a":"v"}` {
		t.Errorf("spelled with an escape: %s", got)
	}
}

// The first rule counts that matches the value or what it stands in.
func TestFirstRuleCounts(t *testing.T) {
	m := masker(t,
		Rule{Fields: []string{"city"}, Mask: MaskNone},
		Rule{Fields: []string{"address"}, Mask: MaskRedact},
		Rule{Fields: []string{"zip"}, Mask: MaskNone},
		Rule{Classes: []string{"payment"}, Mask: MaskLast4},
		Rule{Detect: []string{"email", "card"}, Mask: MaskRedact},
		Rule{Fields: []string{"contact"}, Mask: MaskNone})
	in := `{"address":{"city":"London","zip":"SW1","lines":["1 Road",{"city":"x"}]},"city":"Paris","zip":"1","note":"ask ada@example.com","contact":"ada@example.com"}`
	want := `{"address":{"city":"London","zip":"***","lines":["***",{"city":"x"}]},"city":"Paris","zip":"1","note":"ask ***","contact":"ada@example.com"}`
	if got := apply(t, m, nil, in); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestClasses(t *testing.T) {
	m := masker(t, Rule{Classes: []string{"payment", "unknown"}, Mask: MaskLast4}, Rule{Classes: []string{"secret", "payment"}, Mask: MaskRemove})
	var tape strictjson.Tape
	if err := tape.Read([]byte(`{"a":"12345678","b":"x","c":["12345678"],"d":"y"}`), nil); err != nil {
		t.Fatal(err)
	}
	marks := make([]schema.Mark, len(tape.Tokens))
	marks[tape.Get(0, "a")].Class = 2
	marks[tape.Get(0, "b")].Class = 1
	marks[tape.Get(0, "c")+1].Class = 2
	c := cutter{t: &tape, marks: marks, view: m.For(nil)}
	if out, _ := c.run(nil, nil); string(out) != `{"a":"***5678","c":["***5678"],"d":"y"}` {
		t.Errorf("%s", out)
	}
}

func TestViews(t *testing.T) {
	m := masker(t,
		Rule{Fields: []string{"card"}, Mask: MaskRemove, For: []Audience{
			{Roles: []string{"billing", "admin"}, Mask: MaskNone},
			{Roles: []string{"support"}, Scopes: []string{"cards:last4"}, Mask: MaskLast4},
			{Clients: []string{"reports"}, Mask: MaskHash},
		}},
		Rule{Detect: []string{"email"}, Mask: MaskEmail, For: []Audience{{Roles: []string{"admin"}, Mask: MaskNone}}})
	text := `{"card":"4111111111111111","mail":"ada@example.com"}`
	for _, c := range []struct {
		who  *gatehouse.Principal
		want string
	}{
		{nil, `{"mail":"a***@example.com"}`},
		{gatehouse.Anonymous, `{"mail":"a***@example.com"}`},
		{&gatehouse.Principal{Roles: []string{"guest"}}, `{"mail":"a***@example.com"}`},
		{&gatehouse.Principal{Roles: []string{"guest", "support"}}, `{"card":"***1111","mail":"a***@example.com"}`},
		{&gatehouse.Principal{Scopes: []string{"cards:last4"}}, `{"card":"***1111","mail":"a***@example.com"}`},
		{&gatehouse.Principal{Roles: []string{"support", "billing"}}, `{"card":"4111111111111111","mail":"a***@example.com"}`},
		{&gatehouse.Principal{Roles: []string{"admin"}}, text},
	} {
		if got := apply(t, m, c.who, text); got != c.want {
			t.Errorf("%+v: %s", c.who, got)
		}
	}
	if got := apply(t, m, &gatehouse.Principal{ClientID: "reports"}, text); strings.Contains(got, "1111") || !strings.Contains(got, `"card":"`) {
		t.Errorf("hashed: %s", got)
	}
	if m.For(&gatehouse.Principal{Roles: []string{"admin"}}) != nil {
		t.Error("who sees everything has a view")
	}
	support := &gatehouse.Principal{Roles: []string{"support"}}
	if m.For(support) != m.For(&gatehouse.Principal{Roles: []string{"support"}, Subject: "other"}) {
		t.Error("callers of a kind do not share a view")
	}
	if n := testing.AllocsPerRun(100, func() { m.For(support) }); n != 0 {
		t.Errorf("%v allocations for a known view", n)
	}
	if (*Masker)(nil).For(support) != nil || masker(t).For(support) != nil {
		t.Error("no rules, yet a view")
	}
}

func TestDetectInTexts(t *testing.T) {
	m := masker(t,
		Rule{Detect: []string{"us_ssn"}, Mask: MaskRemove},
		Rule{Detect: []string{"card"}, Mask: MaskLast4},
		Rule{Detect: []string{"email"}, Mask: MaskEmail},
		Rule{Detect: []string{"iban", "phone"}, Mask: MaskRedact, AsText: true},
		Rule{Detect: []string{"de_steuer_id"}, Mask: MaskRedact, AsText: true})
	for in, want := range map[string]string{
		`{"a":"nothing","b":1}`:                            `{"a":"nothing","b":1}`,
		`{"a":"mail ada@example.com or bob@example.org!"}`: `{"a":"mail a***@example.com or b***@example.org!"}`,
		`{"a":"card 4111-1111-1111-1111\n\"now\""}`:        `{"a":"card ***1111\n\"now\""}`,
		`{"a":"\u0061da@example.com"}`:                     `{"a":"a***@example.com"}`,
		`{"a":["call +44 20 7946 0958"]}`:                  `{"a":["call ***"]}`,
		`{"a":4111111111111111,"b":4111111111111112}`:      `{"a":0,"b":4111111111111112}`,
		`{"a":86095742719}`:                                `{"a":"***"}`,
		`{"a":"my ssn is 078-05-1120","b":1}`:              `{"b":1}`,
		`["078-05-1120"]`:                                  `["***"]`,
		`"ada@example.com"`:                                `"a***@example.com"`,
		`{"ada@example.com":1}`:                            `{"ada@example.com":1}`, // names are not values
	} {
		got := apply(t, m, nil, in)
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
		if again := apply(t, m, nil, got); again != got {
			t.Errorf("%s: %s, and again %s", in, got, again)
		}
	}
}

func TestMaskRecord(t *testing.T) {
	m := masker(t, Rule{Fields: []string{"a", "gone"}, Mask: MaskRedact, For: nil}, Rule{Detect: []string{"email"}, Mask: MaskRemove})
	var r Record
	_, err := Body([]byte(`[{"a":"secret","b":{"m":"ada@example.com"}},{"a":"***","gone":[1,2]}]`), &Options{View: m.For(nil)}, &r)
	if err != nil {
		t.Fatal(err)
	}
	want := []Place{{CodeMasked, "/*/a"}, {CodeMasked, "/*/b/m"}, {CodeMasked, "/*/gone/*"}}
	if diff := cmp.Diff(want, r.Places); diff != "" || r.Masked != 4 || r.Removed != 0 {
		t.Errorf("masked %d, removed %d\n%s", r.Masked, r.Removed, diff)
	}
}

func TestConfigProblems(t *testing.T) {
	c := Config{HashKey: "short", Rules: []Rule{
		{Mask: MaskRedact},
		{Fields: []string{"", "_-", strings.Repeat("x", 129)}},
		{Detect: []string{"email", "dna"}, Mask: MaskHash, For: []Audience{{Mask: MaskNone}}},
	}}
	want := map[string]string{"rules[0]": "config.missing", "rules[1].fields[0]": "config.missing", "rules[1].fields[1]": "config.missing",
		"rules[1].fields[2]": "config.range", "rules[2].detect[1]": "config.unknown", "rules[2].for[0]": "config.missing", "hash_key": "config.missing"}
	got := map[string]string{}
	err := c.Validate()
	joined, _ := err.(interface{ Unwrap() []error })
	if joined == nil {
		t.Fatal(err)
	}
	for _, err := range joined.Unwrap() {
		var e *gatehouse.Error
		if errors.As(err, &e) {
			got[e.At.File] = e.Code
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(err.Error(), "short") {
		t.Error("the error shows the key")
	}
	if _, err := NewMasker(c, nil); err == nil {
		t.Error("compiles")
	}
	if err := (Config{Rules: make([]Rule, maxRules+1)}).Validate(); err == nil {
		t.Error("any number of rules")
	}
	var m Mask
	if m.UnmarshalText([]byte("last4")) != nil || m != MaskLast4 || m.UnmarshalText([]byte("first4")) == nil {
		t.Error("masks are read wrong")
	}
	if b, err := MaskEmail.MarshalText(); string(b) != "email" || err != nil || Mask(99).String() != "Mask(99)" {
		t.Error("masks are written wrong")
	}
}

func FuzzMask(f *testing.F) {
	f.Add(`{"a":"ada@example.com@x.org +44 20 7946 0958 4111 1111 1111 1111","token":{"b":[1,true,"x"]},"n":4111111111111111}`)
	f.Add(`["a@b.com@c.com","+1 23456789 0123","DE89370400440532013000ada@example.com"]`)
	f.Add(`"4111111111111111 4111 1111 1111 1111@a.de"`)
	masks := []Mask{MaskRemove, MaskRedact, MaskLast4, MaskEmail}
	var views []*View
	for _, mask := range masks {
		views = append(views, masker(f, Rule{Fields: []string{"*token*"}, Mask: mask}, Rule{Detect: Detectors(), Mask: mask, AsText: mask == MaskLast4}).For(nil))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 || (&strictjson.Tape{}).Read([]byte(text), nil) != nil {
			return
		}
		for i, v := range views {
			out, err := Body([]byte(text), &Options{View: v}, nil)
			if err != nil {
				t.Fatal(err)
			}
			value(t, string(out)) // is JSON
			again, err := Body(out, &Options{View: v}, nil)
			if err != nil || string(again) != string(out) {
				t.Fatalf("%v: %q becomes %q, and that %q %v", masks[i], text, out, again, err)
			}
		}
	})
}

func ExampleMasker() {
	m, err := NewMasker(Config{Rules: []Rule{{
		Fields: []string{"card_number"}, Detect: []string{"card"}, Mask: MaskRedact,
		For: []Audience{{Roles: []string{"support"}, Mask: MaskLast4}},
	}}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	text := []byte(`{"cardNumber":"4111 1111 1111 1111","total":12.50}`)
	for _, role := range []string{"support", "warehouse"} {
		view := m.For(&gatehouse.Principal{Roles: []string{role}})
		out, err := Body(text, &Options{View: view}, nil)
		fmt.Println(role, string(out), err)
	}
	// Output:
	// support {"cardNumber":"***1111","total":12.50} <nil>
	// warehouse {"cardNumber":"***","total":12.50} <nil>
}
