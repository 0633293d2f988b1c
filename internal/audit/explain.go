package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ExplainOptions say how a decision is shown.
type ExplainOptions struct {
	Color bool // with ANSI colours
}

// Explain writes the decision r for people: how it ended and why, then every
// verdict, with the file and line that decided. Every text in it is inert.
func Explain(w io.Writer, r *Record, o ExplainOptions) error {
	p := printer{color: o.Color}
	if r.Gap != nil {
		p.line("%d decisions lost between %s and %s: %s", r.Gap.Lost, stamp(r.Gap.Since), stamp(r.Time), inert(r.Gap.Reason))
		return p.flush(w)
	}
	p.ending(r)
	p.line("")
	p.field("request", request(r))
	p.field("matched", join(r.API, r.Operation, quoteIf(r.Endpoint)))
	p.field("from", join(r.Peer, prefixed("through proxy ", r.Proxy), prefixed("listener ", r.Listener),
		prefixed("fingerprint ", r.Fingerprint)))
	p.field("caller", caller(r))
	p.field("upstream", upstream(r.Upstream))
	p.field("time", join(stamp(r.Time), prefixed("total ", took(r.Total)), prefixed("gateway ", took(r.Gateway))))
	p.field("bytes", fmt.Sprintf("%d in, %d out", r.BytesIn, r.BytesOut))
	p.field("trace", r.Trace)
	p.field("config", r.Config)
	p.verdicts(r)
	return p.flush(w)
}

// WriteJSON writes a Record or a Report as indented JSON. Its strings are escaped
// as in the log.
func WriteJSON(w io.Writer, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	// Beyond ASCII, characters stand inside strings only: what is invisible among
	// them can be escaped where it stands.
	out := make([]byte, 0, len(raw)+1)
	for _, c := range string(raw) {
		switch {
		case c == '\n' || c < utf8.RuneSelf && c != 0x7f:
			out = append(out, byte(c))
		case visible(c):
			out = utf8.AppendRune(out, c)
		default:
			out = appendUnicode(out, c)
		}
	}
	_, err = w.Write(append(out, '\n'))
	return err
}

// A printer collects lines.
type printer struct {
	b     strings.Builder
	color bool
}

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " "))
	p.b.WriteByte('\n')
}

func (p *printer) flush(w io.Writer) error {
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *printer) field(name, value string) {
	if value != "" {
		p.line("  %-9s %s", name, inert(value))
	}
}

// Colours by meaning: SGR codes (ECMA-48).
const (
	bad  = "31"
	warn = "33"
	good = "32"
)

func (p *printer) paint(code, s string) string {
	if !p.color || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) ending(r *Record) {
	head := r.Result
	if r.Status != 0 {
		head += " " + strconv.Itoa(r.Status)
	}
	code := good
	if r.Result == "blocked" || r.Result == "refused" || r.Result == "failed" {
		code = bad
	}
	line := fmt.Sprintf("%s: %s", inert(r.ID), p.paint(code, inert(head)))
	if r.By != "" {
		line += " by " + inert(r.By)
	}
	p.line("%s", line)
	p.reason("", r.Reason)
	if r.Aborted {
		p.line("  %s", p.paint(bad, "the answer broke off"))
		p.reason("", r.Late)
	}
	if r.WouldBlock {
		p.line("  %s", p.paint(warn, "a control in monitor would have blocked it"))
	}
}

func (p *printer) reason(indent string, r Reason) {
	if r.Code != "" || r.Message != "" {
		p.line("%s  %s", indent, inert(strings.TrimPrefix(r.Code+": "+r.Message, ": ")))
	}
	if r.Hint != "" {
		p.line("%s  hint: %s", indent, inert(r.Hint))
	}
	if r.At != "" {
		p.line("%s  at %s", indent, inert(r.At))
	}
}

// verdicts prints the table of judgments: cells are padded before they are
// coloured, so that the columns stay.
func (p *printer) verdicts(r *Record) {
	if len(r.Judgments) == 0 {
		return
	}
	rows := [][]string{{"STEP", "CONTROL", "MODE", "VERDICT", "TOOK", "DECIDED BY", "WHY"}}
	for i := range r.Judgments {
		j := &r.Judgments[i]
		rows = append(rows, []string{inert(j.Step), inert(j.Control), inert(j.Mode), verdict(j), took(j.Took),
			inert(j.At), inert(strings.Trim(j.Code+": "+j.Message, ": "))})
	}
	widths := columnWidths(rows)
	p.line("")
	for i, row := range rows {
		var b strings.Builder
		for c, cell := range row {
			text := cell + strings.Repeat(" ", widths[c]-utf8.RuneCountInString(cell))
			if i > 0 && c == 3 {
				text = p.paint(tone(&r.Judgments[i-1]), text)
			}
			b.WriteString("  " + text)
		}
		p.line("%s", b.String())
		if i > 0 && r.Judgments[i-1].Hint != "" {
			p.line("      hint: %s", inert(r.Judgments[i-1].Hint))
		}
		if i > 0 {
			p.details(&r.Judgments[i-1])
		}
	}
	if r.Omitted > 0 {
		p.line("  and %d more", r.Omitted)
	}
}

// details prints where a judgment found what, and what it changed.
func (p *printer) details(j *Judgment) {
	for _, d := range j.Details {
		p.line("      %s", inert(join(strings.TrimSpace(d.Parameter+" "+d.Pointer), d.Code, d.Message, prefixed("at ", d.At))))
	}
	if len(j.Edits) > 0 {
		p.line("      edits: %s", inert(strings.Join(j.Edits, ", ")))
	}
}

func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for c, cell := range row {
			widths[c] = max(widths[c], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// verdict says what the judgment did: a denial in monitor would have blocked.
func verdict(j *Judgment) string {
	s := inert(j.Outcome)
	if j.Status != 0 {
		s += " " + strconv.Itoa(j.Status)
	}
	if j.WouldBlock && j.Mode != "enforce" {
		s += ", would block"
	}
	return s
}

func tone(j *Judgment) string {
	switch {
	case j.WouldBlock && j.Mode != "enforce":
		return warn
	case j.Outcome == "deny", j.Outcome == "undecided":
		return bad
	case j.Outcome == "permit":
		return good
	}
	return ""
}

func request(r *Record) string {
	s := strings.TrimSpace(r.Method + " " + r.Host + r.Path)
	if len(r.Query) > 0 {
		s += "?" + strings.Join(r.Query, "&")
	}
	return join(s, r.Proto)
}

func caller(r *Record) string {
	c := r.Principal
	if c == nil {
		return ""
	}
	bound := ""
	if c.Bound {
		bound = "sender-bound"
	}
	risk := ""
	if r.Risk > 0 {
		risk = "risk " + strconv.Itoa(r.Risk)
	}
	return join(c.Method, c.Subject, prefixed("client ", c.Client), prefixed("issuer ", c.Issuer),
		prefixed("tier ", c.Tier), prefixed("token ", c.Token), bound, risk)
}

func upstream(u *Upstream) string {
	if u == nil {
		return ""
	}
	attempts := ""
	if u.Attempts > 1 {
		attempts = fmt.Sprintf("%d attempts", u.Attempts)
	}
	status := ""
	if u.Status != 0 {
		status = "status " + strconv.Itoa(u.Status)
	}
	return join(u.Name, u.Addr, status, took(u.Took), attempts, prefixed("error: ", u.Error))
}

// join joins what is not empty with ", ".
func join(parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ", ")
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func quoteIf(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// took prints a duration with three or four digits: nobody reads more.
func took(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d >= time.Second:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d >= 10*time.Microsecond:
		return d.Round(100 * time.Nanosecond).String()
	}
	return d.String()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
