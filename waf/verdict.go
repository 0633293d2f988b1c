package waf

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse"
)

// verdict says what a Result comes to; threshold is what the score is measured by.
func (w *WAF) verdict(res *Result, score, threshold int) gatehouse.Verdict {
	if len(res.Rules) == 0 && res.Interruption == nil {
		return gatehouse.Passed()
	}
	var v gatehouse.Verdict
	worst := worst(res)
	v.Reason.Code = CodeMatched
	v.Reason.Message = w.sentence(worst, res, score, threshold)
	if worst != nil {
		v.Reason.At = w.known[worst.ID].at
	}
	v.Outcome = gatehouse.Pass
	if i := res.Interruption; i != nil {
		v.Outcome, v.Status, v.Reason.Code = gatehouse.Deny, 403, CodeBlocked
		if i.Action == "deny" && i.Status >= 400 && i.Status <= 599 {
			v.Status = i.Status
		}
	}
	for i := range res.Rules {
		if m := &res.Rules[i]; !sumsUp(m.ID) && len(v.Details) < maxDetails {
			v.Details = append(v.Details, w.detail(m))
		}
	}
	return v
}

// maxDetails bounds how many of the rules that matched are told.
const maxDetails = 20

// sumsUp reports rules of the Core Rule Set that only compare and report scores.
func sumsUp(id int) bool {
	return id >= 949000 && id < 950000 || id >= 959000 && id < 960000 || id >= 980000 && id < 981000
}

var severities = map[string]int{"EMERGENCY": 8, "ALERT": 7, "CRITICAL": 6, "ERROR": 5, "WARNING": 4, "NOTICE": 3, "INFO": 2, "DEBUG": 1}

// worst returns the match that says most about why: a rule that interrupted by
// itself, else the most severe. It is nil where none says anything.
func worst(res *Result) *Match {
	var best *Match
	for i := range res.Rules {
		m := &res.Rules[i]
		switch {
		case sumsUp(m.ID):
		case res.Interruption != nil && m.ID == res.Interruption.RuleID:
			return m
		case best == nil || severities[m.Severity] > severities[best.Severity]:
			best = m
		}
	}
	return best
}

// sentence is "rule 942100 (SQL Injection Attack Detected via libinjection) in
// ARGS:q, score 5 of 5".
func (w *WAF) sentence(m *Match, res *Result, score, threshold int) string {
	var b strings.Builder
	id, message, place := 0, "", ""
	switch {
	case m != nil:
		id, message, place = m.ID, inert(m.Message), m.place()
	case res.Interruption != nil:
		id = res.Interruption.RuleID
	}
	b.WriteString("rule " + strconv.Itoa(id))
	if message != "" {
		b.WriteString(" (" + message + ")")
	}
	if place != "" {
		b.WriteString(" in " + place)
	}
	if score > 0 {
		b.WriteString(", score " + strconv.Itoa(score) + " of " + strconv.Itoa(threshold))
	}
	return b.String()
}

func (w *WAF) detail(m *Match) gatehouse.Detail {
	d := gatehouse.Detail{Code: "waf." + strconv.Itoa(m.ID), Parameter: m.place(), Message: inert(m.Message), At: w.known[m.ID].at}
	if m.Excerpt != "" {
		d.Message = strings.TrimPrefix(d.Message+": ", ": ") + "«" + inert(m.Excerpt) + "»"
	}
	return d
}

// place names the variable that matched: "ARGS:q".
func (m *Match) place() string {
	if m.Key == "" {
		return m.Variable
	}
	return m.Variable + ":" + clip(inert(m.Key), maxPlace)
}

// maxPlace bounds the name of a field, which a client chose.
const maxPlace = 80

// inert replaces what could break a line of a log, or mean something to a terminal.
func inert(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, strings.ToValidUTF8(s, "."))
}
