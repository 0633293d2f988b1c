package openapi

import (
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Explain says in words, with places in the document, what the Contract's controls
// found in an exchange: for gatehouse contract explain, which sends a request
// through [gateway.Wrap]. It is empty where nothing was found.
//
// [gateway.Wrap]: https://pkg.go.dev/github.com/gatehouse/gatehouse/gateway#Wrap
func (c *Contract) Explain(d *gatehouse.Decision) []*gatehouse.Error {
	means := map[string]string{}
	for _, code := range Codes() {
		means[code.Code] = code.Means
	}
	var out []*gatehouse.Error
	for i := range d.Judgments {
		v := &d.Judgments[i].Verdict
		if !strings.HasPrefix(d.Judgments[i].Control, "openapi.") || v.Reason.Code == "" {
			continue
		}
		for _, detail := range v.Details {
			where := strings.TrimSpace(inert(detail.Parameter) + " " + inert(detail.Pointer))
			if where == "" {
				where = "the body"
			}
			what := means[detail.Code]
			for _, in := range []string{"parameter_", "form_"} {
				if rest, ok := strings.CutPrefix(detail.Code, "contract."+in); ok && what == "" {
					if what = means["contract."+rest]; what == "" {
						what = means["contract.parameter_"+rest]
					}
				}
			}
			if what == "" {
				what = detail.Code
			}
			out = append(out, &gatehouse.Error{Code: detail.Code, Message: where + ": " + what, At: detail.At, Status: v.Status})
		}
		if len(v.Details) == 0 {
			out = append(out, &gatehouse.Error{Code: v.Reason.Code, Message: v.Reason.Message, Hint: v.Reason.Hint, At: v.Reason.At, Status: v.Status})
		}
	}
	if r := &d.Reason; len(out) == 0 && r.Code != "" { // refused before a contract was asked
		out = append(out, &gatehouse.Error{Code: r.Code, Message: r.Message, Hint: r.Hint, At: r.At, Status: d.Status})
	}
	return out
}
