package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// A Filter chooses records. Empty members match everything.
type Filter struct {
	API, Operation, Control string
	// Since and Until bound Record.Time: from Since on, before Until.
	Since, Until time.Time
}

// A Report says what the controls in monitor would have refused.
type Report struct {
	Records    int64     `json:"records"`     // read and within the filter's API, operation and time
	WouldBlock int64     `json:"would_block"` // of these, how many a control would have refused
	Lost       int64     `json:"lost"`        // decisions that are missing from the log
	From       time.Time `json:"from,omitzero"`
	To         time.Time `json:"to,omitzero"`
	Groups     []Group   `json:"groups"`          // the most frequent first
	Notes      []string  `json:"notes,omitempty"` // lines that could not be read
	Omitted    int64     `json:"omitted,omitempty"`
}

// A Group counts the verdicts of one control for one reason.
type Group struct {
	API       string    `json:"api"`
	Operation string    `json:"operation"`
	Control   string    `json:"control"`
	Code      string    `json:"code"`
	At        string    `json:"at,omitempty"` // the line that decided in the youngest sample
	Count     int64     `json:"count"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Samples   []string  `json:"samples"` // ids of the youngest, for gatehouse explain
}

const (
	maxSamples = 5
	maxGroups  = 10000
	maxNotes   = 100
)

type groupKey struct{ api, operation, control, code string }

// WouldBlock reads the decision log and reports, by API, operation, control and
// code, what enforcing would refuse that goes through now.
func WouldBlock(files []string, f Filter) (*Report, error) {
	rep := &Report{Groups: []Group{}}
	groups := make(map[groupKey]*Group)
	for r, err := range ReadFiles(files) {
		var line *LineError
		switch {
		case errors.As(err, &line):
			if len(rep.Notes) < maxNotes {
				rep.Notes = append(rep.Notes, line.Error())
			}
		case err != nil:
			return nil, err
		case f.within(r):
			rep.add(r, f, groups)
		}
	}
	for _, g := range groups {
		rep.Groups = append(rep.Groups, *g)
	}
	slices.SortFunc(rep.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.API, b.API), cmp.Compare(a.Operation, b.Operation),
			cmp.Compare(a.Control, b.Control), cmp.Compare(a.Code, b.Code))
	})
	return rep, nil
}

func (f *Filter) within(r *Record) bool {
	if !f.Since.IsZero() && r.Time.Before(f.Since) || !f.Until.IsZero() && !r.Time.Before(f.Until) {
		return false
	}
	return r.Gap != nil || (f.API == "" || f.API == r.API) && (f.Operation == "" || f.Operation == r.Operation)
}

func (rep *Report) add(r *Record, f Filter, groups map[groupKey]*Group) {
	if r.Gap != nil {
		rep.Lost += r.Gap.Lost
		return
	}
	rep.Records++
	if rep.From.IsZero() || r.Time.Before(rep.From) {
		rep.From = r.Time
	}
	if r.Time.After(rep.To) {
		rep.To = r.Time
	}
	counted := false
	for i := range r.Judgments {
		j := &r.Judgments[i]
		// In enforce it did block: that is no news.
		if !j.WouldBlock || j.Mode == "enforce" || f.Control != "" && f.Control != j.Control {
			continue
		}
		if !counted {
			rep.WouldBlock++
			counted = true
		}
		key := groupKey{r.API, r.Operation, j.Control, j.Code}
		g := groups[key]
		if g == nil {
			if len(groups) == maxGroups {
				rep.Omitted++
				continue
			}
			g = &Group{API: r.API, Operation: r.Operation, Control: j.Control, Code: j.Code, First: r.Time, Last: r.Time}
			groups[key] = g
		}
		g.count(r, j)
	}
}

func (g *Group) count(r *Record, j *Judgment) {
	g.Count++
	if r.Time.Before(g.First) {
		g.First = r.Time
	}
	if r.Time.After(g.Last) {
		g.Last = r.Time
	}
	if j.At != "" {
		g.At = j.At
	}
	if len(g.Samples) == maxSamples {
		g.Samples = g.Samples[:copy(g.Samples, g.Samples[1:])]
	}
	g.Samples = append(g.Samples, r.ID)
}

// WriteText prints the report as a table.
func (rep *Report) WriteText(w io.Writer) error {
	var p printer
	if rep.Records == 0 {
		p.line("no decisions in the log")
	} else {
		p.line("%d of %d requests would be blocked, %s to %s", rep.WouldBlock, rep.Records, stamp(rep.From), stamp(rep.To))
	}
	if len(rep.Groups) > 0 {
		p.line("")
		p.table(rep.Groups)
	}
	if rep.Omitted > 0 {
		p.line("  and %d verdicts in groups beyond %d", rep.Omitted, maxGroups)
	}
	if rep.Lost > 0 {
		p.line("")
		p.line("%d decisions are missing from the log", rep.Lost)
	}
	for _, n := range rep.Notes {
		p.line("note: %s", inert(n))
	}
	return p.flush(w)
}

func (p *printer) table(groups []Group) {
	rows := [][]string{{"COUNT", "API", "OPERATION", "CONTROL", "CODE", "DECIDED BY", "FIRST", "LAST", "SAMPLE"}}
	for i := range groups {
		g := &groups[i]
		rows = append(rows, []string{strconv.FormatInt(g.Count, 10), inert(g.API), inert(g.Operation),
			inert(g.Control), inert(g.Code), inert(g.At), short(g.First), short(g.Last), inert(g.Samples[len(g.Samples)-1])})
	}
	widths := columnWidths(rows)
	for _, row := range rows {
		line := fmt.Sprintf("%*s", widths[0], row[0]) // the count stands to the right
		for c, cell := range row[1:] {
			line += "  " + cell + fmt.Sprintf("%*s", widths[c+1]-utf8.RuneCountInString(cell), "")
		}
		p.line("  %s", line)
	}
}

func short(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
