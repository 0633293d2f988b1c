package jose

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClaimTypes(t *testing.T) {
	c, err := ParseClaims(`{"s":"a b  c","n":12,"list":["a","b"],"mixed":["a",1],"b":false,"null":null,"o":{"x":"y"},"empty":[]}`)
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		Value any
		OK    bool
		Wrong bool
	}
	get := func(v any, ok bool, err error) result {
		if err != nil {
			wantCode(t, err, "token.claim_type")
			return result{Wrong: true}
		}
		if !ok {
			return result{}
		}
		return result{Value: v, OK: true}
	}
	str := func(name string) result { v, ok, err := c.String(name); return get(v, ok, err) }
	strs := func(name string) result { v, ok, err := c.Strings(name); return get(v, ok, err) }
	either := func(name string) result { v, ok, err := c.StringOrStrings(name); return get(v, ok, err) }
	words := func(name string) result { v, ok, err := c.Words(name); return get(v, ok, err) }
	boolean := func(name string) result { v, ok, err := c.Bool(name); return get(v, ok, err) }
	object := func(name string) result { v, ok, err := c.Object(name); return get(v, ok, err) }
	wrong := result{Wrong: true}
	for i, tt := range []struct{ got, want result }{
		{str("s"), result{Value: "a b  c", OK: true}},
		{str("absent"), result{}},
		{str("n"), wrong},
		{str("null"), wrong},
		{strs("list"), result{Value: []string{"a", "b"}, OK: true}},
		{strs("empty"), result{Value: []string{}, OK: true}},
		{strs("mixed"), wrong},
		{strs("s"), wrong},
		{either("s"), result{Value: []string{"a b  c"}, OK: true}},
		{either("list"), result{Value: []string{"a", "b"}, OK: true}},
		{either("o"), wrong},
		{either("null"), wrong},
		{words("s"), result{Value: []string{"a", "b", "c"}, OK: true}},
		{words("list"), result{Value: []string{"a", "b"}, OK: true}},
		{words("n"), wrong},
		{boolean("b"), result{Value: false, OK: true}},
		{boolean("s"), wrong},
		{boolean("absent"), result{}},
		{object("o"), result{Value: Claims{"x": "y"}, OK: true}},
		{object("list"), wrong},
		{object("null"), wrong},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
	if !c.Has("null") || c.Has("absent") {
		t.Error("Has")
	}
}

func TestNumericDate(t *testing.T) {
	for _, tt := range []struct {
		json string
		want time.Time
		ok   bool
	}{
		{"0", time.Unix(0, 0), true},
		{"1300819380", time.Unix(1300819380, 0), true},
		{"1300819380.25", time.Unix(1300819380, 25e7), true},
		{"1.30081938e9", time.Unix(1300819380, 0), true},
		{"253402300799", time.Unix(253402300799, 0), true},
		{"253402300800", time.Time{}, false},
		{"-1", time.Time{}, false},
		{"1e400", time.Time{}, false},
		{"9223372036854775808", time.Time{}, false},
		{`"1300819380"`, time.Time{}, false},
		{"null", time.Time{}, false},
		{"true", time.Time{}, false},
		{"[1]", time.Time{}, false},
	} {
		c, err := ParseClaims(`{"exp":` + tt.json + `}`)
		if err != nil {
			t.Fatal(tt.json, err)
		}
		got, ok, err := c.Time("exp")
		if ok != tt.ok || !got.Equal(tt.want) {
			t.Errorf("%s: %s, %v, %v", tt.json, got, ok, err)
		}
		if !tt.ok {
			wantCode(t, err, "token.claim_type")
		}
	}
}

// Only a space separates words: whoever wrote the list may have let other white
// space stand within one.
func TestClaimsWordsOnlySpaces(t *testing.T) {
	c := Claims{"scope": " read  orders\u00a0admin a\tb "}
	got, _, err := c.Words("scope")
	if want := []string{"read", "orders\u00a0admin", "a\tb"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}
