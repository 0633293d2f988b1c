package jose

import (
	"fmt"
	"strings"
	"testing"
)

// built reads data without a look before.
func built(data string) (map[string]any, error) {
	r := reader{s: data}
	if r.next() != '{' {
		return nil, errJSON
	}
	m, err := r.object(1, 0)
	if err != nil {
		return nil, err
	}
	if r.space(); r.i != len(r.s) {
		return nil, errTrailing
	}
	return m, nil
}

// agree wants look to refuse nothing that the reader takes, and to count as it does.
func agree(t *testing.T, data string) {
	t.Helper()
	members, looked := look(data)
	m, err := built(data)
	switch {
	case looked != nil && err == nil:
		t.Fatalf("%q: look says %v, the reader takes it", data, looked)
	case looked == nil && err == nil && members != len(m):
		t.Fatalf("%q: look counts %d members of %d", data, members, len(m))
	case looked == nil && err != nil && err != errDuplicate:
		t.Fatalf("%q: look takes it, the reader says %v", data, err)
	}
}

func members(n int, more string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":{"a":%d},`, i, i)
	}
	return "{" + b.String() + more + "}"
}

func TestLook(t *testing.T) {
	for _, tt := range []struct {
		data string
		want error
	}{
		{`{}`, nil},
		{` {"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}],"c":"a"} `, nil},
		{`{"a":1,"b":2,"a":3}`, errDuplicate},
		{`{"a":1,"\u0061":3}`, errDuplicate},
		{`{"x":{"a":1,"b":{"a":2},"a":3}}`, errDuplicate},
		{members(3*maxLooked, `"m0":1`), errDuplicate},
		{members(3*maxLooked, `"m95":1`), errDuplicate}, // beyond what look compares
		{members(3*maxLooked, `"z":{"b":1,"b":2}`), errDuplicate},
		{strings.Repeat(`{"a":`, maxDepth) + `{}` + strings.Repeat(`}`, maxDepth), errDepth},
		{`{"a":` + strings.Repeat(`[`, maxDepth) + strings.Repeat(`]`, maxDepth) + `}`, errDepth},
		{`{"a":[` + strings.Repeat("0,", maxValues) + `0]}`, errBounds},
		{`{"a":1}{}`, errTrailing},
		{`{"a":1`, errJSON},
		{`{"a":tru}`, errJSON},
		{`{"a":01}`, errJSON},
		{`{"a":"\x"}`, errJSON},
		{`{"a":"\ud800"}`, errUTF8},
		{`[]`, errJSON},
		{``, errJSON},
	} {
		agree(t, tt.data)
		if _, err := ParseClaims(tt.data); err != tt.want {
			t.Errorf("%.60q: %v, want %v", tt.data, err, tt.want)
		}
	}
}
