package audit

import (
	"cmp"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// TuneOptions bound what Tune proposes.
type TuneOptions struct {
	Filter
	// Callers is how many different callers must have met a rule at a field before an
	// exclusion is proposed; 0 stands for 10.
	Callers int
}

const (
	defaultCallers = 10
	// minAddresses is from how many different addresses they must have come.
	minAddresses = 3
	// scannerRules is how many different rules an address may meet before it counts as
	// one that tries out attacks, and nothing that it sends as evidence.
	scannerRules = 8
	// maxCallers bounds what is remembered of each finding.
	maxCallers = 100_000
)

// Tuning is what the decision log says of the WAF's rules.
type Tuning struct {
	Records  int64     `json:"records"`  // read and within the filter
	Matched  int64     `json:"matched"`  // of these, how many met rules
	Blocked  int64     `json:"blocked"`  // of these, how many were refused, or would have been
	Scanners int       `json:"scanners"` // addresses that met many different rules, and were left out
	Findings []Finding `json:"findings"` // the most frequent first
	Notes    []string  `json:"notes,omitempty"`
}

// A Finding is one rule that was met at one field of one operation.
type Finding struct {
	API       string `json:"api"`
	Operation string `json:"operation"`
	Rule      string `json:"rule"`     // "942100", "payload.ssrf.private"
	Variable  string `json:"variable"` // as recorded: "ARGS:json.bio", numbers as *
	// Field is how an exclusion names it, "" where it cannot.
	Field     string `json:"field,omitempty"`
	Message   string `json:"message,omitempty"`
	Requests  int64  `json:"requests"`
	Blocked   int64  `json:"blocked"`
	Callers   int    `json:"callers"`
	Addresses int    `json:"addresses"`
	Sample    string `json:"sample"` // id of the youngest, for gatehouse explain
	// Proposed says that an exclusion is proposed, Why why none is.
	Proposed bool   `json:"proposed"`
	Why      string `json:"why,omitempty"`
}

type findingKey struct{ api, operation, rule, variable string }

// A sighting is what is known of a finding while the log is read.
type sighting struct {
	Finding
	by map[string]*visitor // by address
}

// A visitor is one address's part in a finding.
type visitor struct {
	requests, blocked int64
	callers           map[string]bool
}

// Tune reads the decision log and proposes exclusions for fields at which many
// callers meet a rule that refuses them, so that it is the rule that is wrong.
func Tune(files []string, o TuneOptions) (*Tuning, error) {
	if o.Callers <= 0 {
		o.Callers = defaultCallers
	}
	t := &Tuning{Findings: []Finding{}}
	seen := map[findingKey]*sighting{}
	met := map[string]map[string]bool{} // rules, by address
	for r, err := range ReadFiles(files) {
		var line *LineError
		switch {
		case errors.As(err, &line):
			if len(t.Notes) < maxNotes {
				t.Notes = append(t.Notes, line.Error())
			}
		case err != nil:
			return nil, err
		case r.Gap == nil && o.within(r):
			t.add(r, seen, met)
		}
	}
	scanner := func(address string) bool { return len(met[address]) > scannerRules }
	for address := range met {
		if scanner(address) {
			t.Scanners++
		}
	}
	for _, s := range seen {
		t.Findings = append(t.Findings, s.conclude(o, scanner))
	}
	slices.SortFunc(t.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.API, b.API), cmp.Compare(a.Operation, b.Operation), -cmp.Compare(a.Requests, b.Requests),
			cmp.Compare(a.Variable, b.Variable), cmp.Compare(a.Rule, b.Rule))
	})
	return t, nil
}

func (t *Tuning) add(r *Record, seen map[findingKey]*sighting, met map[string]map[string]bool) {
	t.Records++
	matched, blocked := false, false
	for i := range r.Judgments {
		j := &r.Judgments[i]
		if j.Control != "waf.request" {
			continue
		}
		for _, d := range j.Details {
			rule := strings.TrimPrefix(d.Code, "waf.")
			matched, blocked = true, blocked || j.Outcome == "deny"
			if met[r.Peer] == nil {
				met[r.Peer] = map[string]bool{}
			}
			met[r.Peer][rule] = true
			variable := numbers.ReplaceAllString(d.Parameter, "$1*")
			key := findingKey{r.API, r.Operation, rule, variable}
			s := seen[key]
			if s == nil {
				if len(seen) == maxGroups {
					continue
				}
				s = &sighting{Finding: Finding{API: r.API, Operation: r.Operation, Rule: rule, Variable: variable, Field: fieldOf(variable)}, by: map[string]*visitor{}}
				seen[key] = s
			}
			s.count(r, j, d.Message)
		}
	}
	if matched {
		t.Matched++
	}
	if blocked {
		t.Blocked++
	}
}

func (s *sighting) count(r *Record, j *Judgment, message string) {
	s.Sample = r.ID
	if text, _, ok := strings.Cut(message, ": «"); ok || s.Message == "" { // what follows is the value's form
		s.Message = text
	}
	v := s.by[r.Peer]
	if v == nil {
		if len(s.by) == maxCallers {
			return
		}
		v = &visitor{callers: map[string]bool{}}
		s.by[r.Peer] = v
	}
	v.requests++
	if j.Outcome == "deny" {
		v.blocked++
	}
	if len(v.callers) < maxCallers {
		v.callers[callerOf(r)] = true
	}
}

// callerOf tells callers apart: who was identified, else the address.
func callerOf(r *Record) string {
	if p := r.Principal; p != nil && p.Subject+p.Client != "" {
		return p.Issuer + "\x00" + p.Subject + "\x00" + p.Client
	}
	return r.Peer
}

// conclude sums up, and decides whether an exclusion is proposed.
func (s *sighting) conclude(o TuneOptions, scanner func(string) bool) Finding {
	f := s.Finding
	callers := map[string]bool{}
	for address, v := range s.by {
		if scanner(address) {
			continue
		}
		f.Addresses++
		f.Requests += v.requests
		f.Blocked += v.blocked
		maps.Copy(callers, v.callers)
	}
	f.Callers = len(callers)
	switch {
	case f.Requests == 0:
		f.Why = "only addresses that try out attacks met it"
	case f.Blocked == 0:
		f.Why = "it refuses nobody"
	case f.Addresses < 2:
		f.Why = "only one address met it"
	case f.Addresses < minAddresses || f.Callers < o.Callers:
		f.Why = "too few callers met it"
	case f.Field == "":
		f.Why = "an exclusion cannot name this place"
	default:
		f.Proposed = true
	}
	return f
}

var (
	numbers = regexp.MustCompile(`([./])[0-9]+\b`)
	named   = regexp.MustCompile(`^((header|cookie):)?[^\s"'|:;,\\/…\[\]]+$`)
)

// fieldOf is the field of a variable as an exclusion names it: "ARGS:json.bio" and
// "body:/bio" are bio.
func fieldOf(variable string) string {
	where, name, _ := strings.Cut(variable, ":")
	switch where {
	case "ARGS", "ARGS_GET", "ARGS_POST":
		name = strings.TrimPrefix(name, "json.")
	case "REQUEST_HEADERS", "header":
		name = "header:" + name
	case "REQUEST_COOKIES", "cookie":
		name = "cookie:" + name
	case "query":
	case "body":
		name = strings.ReplaceAll(strings.TrimPrefix(name, "/"), "/", ".")
	default:
		return ""
	}
	if !named.MatchString(name) {
		return "" // it was cut, or masked
	}
	return name
}
