package audit

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An Exclusion is what Tune proposes for one field of one operation.
type Exclusion struct {
	API       string   `json:"api"`
	Operation string   `json:"operation"`
	Field     string   `json:"field"`
	Rules     []string `json:"rules"`
	Findings  []int    `json:"findings"` // indexes of the evidence
}

// Exclusions are the proposals: those of one field together.
func (t *Tuning) Exclusions() []Exclusion {
	out := []Exclusion{}
	for i := range t.Findings {
		f := &t.Findings[i]
		if !f.Proposed {
			continue
		}
		at := slices.IndexFunc(out, func(x Exclusion) bool { return x.API == f.API && x.Operation == f.Operation && x.Field == f.Field })
		if at < 0 {
			out = append(out, Exclusion{API: f.API, Operation: f.Operation, Field: f.Field})
			at = len(out) - 1
		}
		x := &out[at]
		x.Findings = append(x.Findings, i)
		if !slices.Contains(x.Rules, f.Rule) {
			x.Rules = append(x.Rules, f.Rule)
			slices.Sort(x.Rules)
		}
	}
	return out
}

// WriteText prints the evidence, and the proposals as lines to be added to the
// configuration.
func (t *Tuning) WriteText(w io.Writer) error {
	var p printer
	p.line("%d of %d requests met rules, %d were refused or would have been", t.Matched, t.Records, t.Blocked)
	if t.Scanners > 0 {
		p.line("%d addresses met more than %d different rules: what they sent does not count", t.Scanners, scannerRules)
	}
	rows := [][]string{{"API", "OPERATION", "RULE", "VARIABLE", "REQUESTS", "REFUSED", "CALLERS", "ADDRESSES", "PROPOSED", "SAMPLE"}}
	for i := range t.Findings {
		f := &t.Findings[i]
		proposed := "yes"
		if !f.Proposed {
			proposed = "no: " + f.Why
		}
		rows = append(rows, []string{inert(f.API), inert(f.Operation), inert(f.Rule), inert(f.Variable), strconv.FormatInt(f.Requests, 10), strconv.FormatInt(f.Blocked, 10),
			strconv.Itoa(f.Callers), strconv.Itoa(f.Addresses), proposed, inert(f.Sample)})
	}
	if len(rows) > 1 {
		p.line("")
		p.columns(rows)
	}
	t.patch(&p)
	for _, n := range t.Notes {
		p.line("note: %s", inert(n))
	}
	return p.flush(w)
}

// columns prints rows, the first of which is their head.
func (p *printer) columns(rows [][]string) {
	widths := columnWidths(rows)
	for _, row := range rows {
		line := ""
		for c, cell := range row {
			line += "  " + cell + strings.Repeat(" ", widths[c]-utf8.RuneCountInString(cell))
		}
		p.line("%s", line)
	}
}

// patch prints the proposals; + marks lines to be added.
func (t *Tuning) patch(p *printer) {
	list := t.Exclusions()
	p.line("")
	if len(list) == 0 {
		p.line("nothing to propose")
		return
	}
	p.line("  apis:")
	api, operation := "", ""
	for _, x := range list {
		if x.API != api {
			api, operation = x.API, ""
			p.line("    - name: %s", quoted(api))
			p.line("      operations:")
		}
		if x.Operation != operation {
			operation = x.Operation
			p.line("        - id: %s", quoted(operation))
			p.line("+         waf:")
			p.line("+           exclusions:")
		}
		for _, i := range x.Findings {
			f := &t.Findings[i]
			p.line("+             # %s %s: %d requests, %d refused, of %d callers from %d addresses", inert(f.Rule), inert(f.Message), f.Requests, f.Blocked, f.Callers, f.Addresses)
		}
		rules := make([]string, len(x.Rules))
		for i, r := range x.Rules {
			rules[i] = quoted(r)
		}
		p.line("+             - {fields: [%s], rules: [%s]}", quoted(x.Field), strings.Join(rules, ", "))
	}
}

// quoted is a text in YAML.
func quoted(s string) string { return fmt.Sprintf("%q", inert(s)) }
