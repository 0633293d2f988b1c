package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
)

// A result is what a measure found.
type result struct {
	measure measure
	// value is what the bar is about, the median of runs.
	value float64
	runs  []float64
	// ours and theirs are what was measured, not scaled. theirs is 0 where there is
	// no peer.
	ours, theirs         float64
	oursUnit, theirsUnit string
	notes                []string
	err                  error
}

// ok reports whether the bar is met.
func (r *result) ok() bool {
	if r.err != nil {
		return false
	}
	if r.measure.atLeast {
		return r.value >= r.measure.bar
	}
	return r.value <= r.measure.bar
}

// spread is the distance of the extreme runs over the median.
func (r *result) spread() float64 {
	if len(r.runs) == 0 || r.value == 0 {
		return 0
	}
	return (slices.Max(r.runs) - slices.Min(r.runs)) / r.value
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// row is the form of a result in results.json. Ours and theirs are as measured;
// value is what the bar is about, for times in "us" scaled to the machine of the
// day.
type row struct {
	Name   string    `json:"name"`
	Value  *float64  `json:"value"` // null where it could not be measured
	Ours   *float64  `json:"ours"`
	Theirs *float64  `json:"theirs"` // null where there is no peer
	Unit   string    `json:"unit"`
	Runs   []float64 `json:"runs"`   // the value in each round
	Spread float64   `json:"spread"` // (max - min) / median
	Bar    string    `json:"bar"`
	OK     bool      `json:"ok"`
	Notes  []string  `json:"notes,omitempty"`
}

func writeResults(path string, results []result) error {
	rows := make([]row, 0, len(results))
	for i := range results {
		r := &results[i]
		out := row{Name: r.measure.name, Unit: r.measure.unit, Runs: rounded(r.runs), Spread: significant(r.spread()),
			Bar: r.measure.barText(), OK: r.ok(), Notes: r.notes}
		if r.err != nil {
			out.Notes = append(out.Notes, "not measured: "+r.err.Error())
		} else {
			out.Value, out.Ours = pointer(r.value), pointer(r.ours)
			if r.theirsUnit != "" {
				out.Theirs = pointer(r.theirs)
			}
		}
		rows = append(rows, out)
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func pointer(v float64) *float64 {
	v = significant(v)
	return &v
}

func rounded(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = significant(v)
	}
	return out
}

// significant keeps four significant digits.
func significant(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return v
}

func (m *measure) barText() string {
	sign := "<="
	if m.atLeast {
		sign = ">="
	}
	return fmt.Sprintf("%s %g", sign, m.bar)
}

func number(v float64, unit string) string {
	text := strconv.FormatFloat(v, 'f', digits(v), 64)
	switch unit {
	case "", "ratio":
		return text
	case "us":
		return text + " µs"
	}
	return text + " " + unit
}

func digits(v float64) int {
	switch {
	case v == float64(int64(v)):
		return 0
	case v < 10:
		return 3
	}
	return 1
}

func printTable(w io.Writer, b *bench, results []result) {
	fmt.Fprintf(w, "\n%s\n\n", b.cpus)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "measure\tours\ttheirs\tvalue\tbar\tspread\truns\t\twhat")
	for i := range results {
		r := &results[i]
		m := &r.measure
		if r.err != nil {
			fmt.Fprintf(t, "%s\t\t\t\t%s\t\t\tFAILED\t%v\n", m.name, m.barText(), r.err)
			continue
		}
		theirs := ""
		if r.theirsUnit != "" {
			theirs = number(r.theirs, r.theirsUnit)
		}
		verdict := "ok"
		if !r.ok() {
			verdict = "MISS"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.0f %%\t%d\t%s\t%s\n", m.name, number(r.ours, r.oursUnit), theirs,
			number(r.value, m.unit), m.barText(), 100*r.spread(), len(r.runs), verdict, m.what)
	}
	t.Flush()
	fmt.Fprintln(w)
	for i := range results {
		for _, note := range results[i].notes {
			fmt.Fprintf(w, "%s: %s\n", results[i].measure.name, note)
		}
	}
}
