package lab

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A Report is what a Run found.
type Report struct {
	Seed     uint64        `json:"seed"`
	Duration time.Duration `json:"duration_ns"`
	// Requests counts everything sent, good and bad.
	Requests int64        `json:"requests"`
	Good     GoodTraffic  `json:"good"`
	Classes  []ClassCount `json:"classes"`
	Cases    []CaseCount  `json:"cases"`
	// Quiet is the latency with good traffic alone, Attacked that under attack.
	// Both are absent where the target is the services themselves.
	Quiet    *Latency `json:"latency_quiet,omitempty"`
	Attacked *Latency `json:"latency_attacked,omitempty"`
}

// GoodTraffic is how the good clients fared.
type GoodTraffic struct {
	Requests int64 `json:"requests"`
	Steps    int   `json:"steps"`
	// Refused counts steps that did not end as they should: false positives.
	Refused int `json:"refused"`
	// Complaints are the first of them.
	Complaints []string `json:"complaints,omitempty"`
}

// A CaseCount is how one Attack fared.
type CaseCount struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Class    Class  `json:"class"`
	Room     string `json:"room"`
	Defended bool   `json:"defended"`
	Requests int64  `json:"requests"`
	Attempts int    `json:"attempts"` // with a result
	Stopped  int    `json:"stopped"`
	Missed   int    `json:"missed"`
	// Unproven is why no attempt had a result; NotApplicable that the target has
	// nothing of the kind.
	Unproven      string `json:"unproven,omitempty"`
	NotApplicable bool   `json:"not_applicable,omitempty"`
}

// A ClassCount sums up a class of the Top 10. Missed counts attempts whose
// defending room is there, Open those that no control defends yet.
type ClassCount struct {
	Class    Class  `json:"class"`
	Title    string `json:"title"`
	State    string `json:"state"` // defended, partly, open
	Cases    int    `json:"cases"`
	Requests int64  `json:"requests"`
	Attempts int    `json:"attempts"`
	Stopped  int    `json:"stopped"`
	Missed   int    `json:"missed"`
	Open     int    `json:"open"`
}

// Latency compares the same good requests through the gateway and directly, made
// in turns: what is added is taken pair by pair.
type Latency struct {
	Samples  int           `json:"samples"`
	P50      time.Duration `json:"p50_ns"` // through the gateway
	P99      time.Duration `json:"p99_ns"`
	AddedP50 time.Duration `json:"added_p50_ns"`
	AddedP99 time.Duration `json:"added_p99_ns"`
}

func (r *Report) sum() {
	for c := API1; c <= API10; c++ {
		sum := ClassCount{Class: c, Title: c.Title()}
		defended, open := 0, 0
		for _, k := range r.Cases {
			if k.Class != c {
				continue
			}
			sum.Cases++
			sum.Requests += k.Requests
			sum.Attempts += k.Attempts
			sum.Stopped += k.Stopped
			if k.Defended {
				defended++
				sum.Missed += k.Missed
			} else {
				open++
				sum.Open += k.Missed
			}
		}
		switch {
		case sum.Cases == 0:
			sum.State = "-"
		case open == 0:
			sum.State = "defended"
		case defended == 0:
			sum.State = "open"
		default:
			sum.State = "partly"
		}
		r.Classes = append(r.Classes, sum)
	}
}

// Failed reports whether something that has a defence was missed or could not be
// proved, or something good was refused.
func (r *Report) Failed() bool {
	bad := func(c CaseCount) bool { return c.Defended && (c.Missed > 0 || c.Unproven != "") }
	return r.Good.Refused > 0 || r.Good.Steps == 0 || slices.ContainsFunc(r.Cases, bad)
}

// WriteTable prints the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...any) { fmt.Fprintln(t, strings.TrimSuffix(fmt.Sprintln(tabbed(cells)...), "\n")) }
	row("cases", "requests", "attacks", "stopped", "missed", "open", "state")
	var all ClassCount
	for _, c := range r.Classes {
		row(c.Cases, c.Requests, c.Attempts, c.Stopped, c.Missed, c.Open, c.State)
		all.Cases += c.Cases
		all.Requests += c.Requests
		all.Attempts += c.Attempts
		all.Stopped += c.Stopped
		all.Missed += c.Missed
		all.Open += c.Open
	}
	row(all.Cases, all.Requests, all.Attempts, all.Stopped, all.Missed, all.Open, "")
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n\n", r.headline())
	for i, line := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		name := ""
		switch {
		case i == 0:
			name = "OWASP API Security Top 10 (2023)"
		case i <= len(r.Classes):
			name = fmt.Sprintf("%-6s%s", r.Classes[i-1].Class, r.Classes[i-1].Title)
		default:
			name = "all"
		}
		fmt.Fprintf(w, "%-52s%s\n", name, line)
	}
	fmt.Fprintf(w, "\ngood traffic   %d requests in %d steps, %d refused (false positives)\n", r.Good.Requests, r.Good.Steps, r.Good.Refused)
	r.Quiet.write(w, "added latency ")
	r.Attacked.write(w, "under attack  ")
	r.writeTrouble(w)
	_, err := fmt.Fprintln(w)
	return err
}

func tabbed(cells []any) []any {
	out := make([]any, len(cells))
	for i, c := range cells {
		out[i] = fmt.Sprint(c) + "\t"
	}
	return out
}

func (r *Report) headline() string {
	return fmt.Sprintf("%d requests in %s, seed %d", r.Requests, r.Duration.Round(100*time.Millisecond), r.Seed)
}

func (l *Latency) write(w io.Writer, name string) {
	if l == nil || l.Samples == 0 {
		return
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }
	fmt.Fprintf(w, "%s p50 %s, p99 %s (through the gateway %s and %s, %d samples)\n",
		name, ms(l.AddedP50), ms(l.AddedP99), ms(l.P50), ms(l.P99), l.Samples)
}

// writeTrouble lists what went wrong, and what stands open.
func (r *Report) writeTrouble(w io.Writer) {
	for _, c := range r.Good.Complaints {
		fmt.Fprintf(w, "REFUSED  %s\n", c)
	}
	open := map[string][]string{}
	for _, c := range r.Cases {
		switch {
		case c.Defended && c.Missed > 0:
			fmt.Fprintf(w, "MISSED   %s %s: %s (%d of %d; %s)\n", c.Class, c.Name, c.Title, c.Missed, c.Attempts, c.Room)
		case c.Defended && c.Unproven != "":
			fmt.Fprintf(w, "UNPROVEN %s %s: %s: %s\n", c.Class, c.Name, c.Title, c.Unproven)
		case !c.Defended && c.Missed > 0:
			open[c.Room] = append(open[c.Room], c.Name)
		}
	}
	for _, room := range sortedKeys(open) {
		fmt.Fprintf(w, "open until %s: %s\n", room, strings.Join(open[room], ", "))
	}
}

// WriteJSON prints the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		*Report
		Failed bool `json:"failed"`
	}{r, r.Failed()})
}

// latencyOf sums up pairs of the same request through the gateway and directly.
func latencyOf(through, direct []time.Duration) *Latency {
	if len(through) == 0 {
		return nil
	}
	t, added := slices.Sorted(slices.Values(through)), make([]time.Duration, len(through))
	for i := range added {
		added[i] = through[i] - direct[i]
	}
	slices.Sort(added)
	return &Latency{Samples: len(t), P50: percentile(t, 50), P99: percentile(t, 99),
		AddedP50: percentile(added, 50), AddedP99: percentile(added, 99)}
}

// percentile returns the smallest value with p percent of all at or below it.
func percentile(sorted []time.Duration, p int) time.Duration {
	i := (len(sorted)*p + 99) / 100
	return sorted[max(i, 1)-1]
}

func sortCases(cs []CaseCount, order map[string]int) {
	slices.SortFunc(cs, func(a, b CaseCount) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(order[a.Name], order[b.Name]))
	})
}
