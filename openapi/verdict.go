package openapi

import (
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// deny makes a denial of what was found. The code is that of the first place, the
// message has all of them.
func (op *operation) deny(x *gatehouse.Exchange, status int, lists ...[]schema.Violation) gatehouse.Verdict {
	v := gatehouse.Denied(status, gatehouse.Reason{Code: "contract.violated", At: op.At})
	op.detail(&v, lists)
	if len(v.Details) > 0 {
		first := &v.Details[0]
		for i := range v.Details {
			if failing(v.Details[i].Code) {
				first = &v.Details[i]
				break
			}
		}
		v.Reason.Code, v.Reason.At = first.Code, first.At
	}
	v.Public = op.c.opts.Errors.Full.Match(x.Principal)
	return v
}

// failing reports whether what has the code fails a check wherever it is found;
// what is unknown may have been reported alone.
func failing(code string) bool {
	return !strings.HasSuffix(code, "_unknown") && !strings.HasSuffix(code, "unknown_property")
}

// report says of a pass what was found all the same.
func (op *operation) report(v *gatehouse.Verdict, lists ...[]schema.Violation) {
	op.detail(v, lists)
	v.Reason.Code = CodeReported
}

// unreadable makes a denial of a message that could not be read.
func (op *operation) unreadable(x *gatehouse.Exchange, err *gatehouse.Error) gatehouse.Verdict {
	status := err.Status
	if status == 0 {
		status = 400
	}
	v := gatehouse.Denied(status, err.Reason())
	if v.Reason.At.IsZero() {
		v.Reason.At = op.At
	}
	v.Public = op.c.opts.Errors.Full.Match(x.Principal)
	return v
}

// detail copies what was found into v: details, and a message of them all.
func (op *operation) detail(v *gatehouse.Verdict, lists [][]schema.Violation) {
	n := 0
	for _, list := range lists {
		n += len(list)
	}
	v.Details = make([]gatehouse.Detail, 0, n)
	var b strings.Builder
	for _, list := range lists {
		for i := range list {
			w := &list[i]
			v.Details = append(v.Details, gatehouse.Detail{Code: w.Code, Parameter: w.Parameter, Pointer: w.Pointer, At: w.At})
			if b.Len() < maxMessage {
				if b.Len() > 0 {
					b.WriteString("; ")
				}
				describe(&b, w)
			}
		}
	}
	v.Reason.Message = b.String()
}

// maxMessage bounds a message: the details have the rest.
const maxMessage = 600

func describe(b *strings.Builder, w *schema.Violation) {
	b.WriteString(strings.TrimPrefix(w.Code, "contract."))
	if w.Keyword != "" {
		b.WriteString(" (" + w.Keyword + ")")
	}
	b.WriteString(" at ")
	if w.Parameter != "" {
		b.WriteString(inert(w.Parameter))
		if w.Pointer != "" {
			b.WriteByte(' ')
		}
	}
	switch {
	case w.Pointer != "":
		b.WriteString(inert(w.Pointer))
	case w.Parameter == "":
		b.WriteString("the body")
	}
}

// maxName bounds a name that a caller chose, in a message.
const maxName = 100

// inert returns s so that it can neither break a line nor steer a terminal.
func inert(s string) string {
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || 0x80 <= r && r < 0xa0 || r == 0x2028 || r == 0x2029 || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 || r == 0xfeff {
			return '?'
		}
		return r
	}, s)
}

// decodeQuery undoes the coding of a query's name or value; where it is broken,
// which the gateway has refused, the text is returned as it is.
func decodeQuery(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}
