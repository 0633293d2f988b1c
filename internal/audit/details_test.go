package audit

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// A judgment's details and edits are recorded and shown, also of a pass, and one
// that has them is not taken for the same pass without.
func TestDetailsAndEdits(t *testing.T) {
	x := exchange()
	e := &encoder{masker: NewMasker(nil)}
	p := newPlan(x.Operation, e.masker)
	e.encode(x, p)
	query := "a=value"
	v := &x.Decision.Judgments[1].Verdict
	v.Details = []gatehouse.Detail{{Code: "contract.parameter_unknown", Parameter: "query:trace"},
		{Code: "contract.required", Pointer: "/a\nb", At: gatehouse.Position{File: "shop.yaml", Line: 3, Column: 5}}}
	v.Edits = gatehouse.Edits{Query: &query, Drop: []string{"Range"}, Request: []gatehouse.Field{{Name: "Accept-Encoding", Value: "topsecret"}}}
	for range 2 {
		e.encode(x, p)
	}
	r := decode(t, e.buf)
	want := []Detail{{Code: "contract.parameter_unknown", Parameter: "query:trace"}, {Code: "contract.required", Pointer: "/a\nb", At: "shop.yaml:3:5"}}
	if d := cmp.Diff(want, r.Judgments[1].Details); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"query", "-Range", "Accept-Encoding"}, r.Judgments[1].Edits); d != "" {
		t.Error(d)
	}
	if bytes.Contains(e.buf, []byte("topsecret")) || bytes.Contains(e.buf, []byte("a=value")) {
		t.Errorf("a value is recorded: %s", e.buf)
	}
	var out strings.Builder
	if err := Explain(&out, r, ExplainOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"query:trace, contract.parameter_unknown", "contract.required, at shop.yaml:3:5", "edits: query, -Range, Accept-Encoding"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in\n%s", line, out.String())
		}
	}
	v.Details, v.Edits = nil, gatehouse.Edits{}
	e.encode(x, p)
	if r := decode(t, e.buf); r.Judgments[1].Details != nil {
		t.Error("details of another call")
	}
}
