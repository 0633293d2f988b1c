package seclang

import (
	"strings"

	"github.com/corazawaf/coraza/v3/types"
)

// program makes the Program of what has been read.
func (r *reader) program() *Program {
	p := &Program{
		Rules:    make([]Rule, len(r.rules)),
		Settings: r.settings,
		Preamble: lines(r.preamble),
		added:    r.added,
	}
	for i, ru := range r.rules {
		p.Rules[i] = ru.rule()
	}
	p.doubtCache()
	return p
}

func (ru *rule) rule() Rule {
	out := Rule{
		ID: ru.id, Phase: ru.phase, Marker: ru.marker,
		Message: ru.message, Tags: ru.tags,
		File: ru.at.File, Line: ru.at.Line,
		Skip: ru.skip, SkipAfter: ru.skipAfter, Log: ru.log, Status: ru.status,
		Text:   lines(ru.text),
		Opaque: strings.Join(ru.opaque, "; "),
	}
	if ru.severity != types.RuleSeverityUnset {
		out.Severity = ru.severity.String()
	}
	for _, a := range ru.actions {
		if a.def.kind == disruptive {
			out.Disruptive, out.DisruptiveArgument = a.name, a.value
		}
	}
	for link := ru; link != nil; link = link.next {
		out.Links = append(out.Links, link.link())
	}
	return out
}

func (ru *rule) link() Link {
	out := Link{
		Targets: ru.targets, Operator: ru.operator, Transforms: ru.transforms,
		MultiMatch: ru.multiMatch, Capture: ru.capture,
	}
	for _, a := range ru.actions {
		if effective[a.name] {
			out.Actions = append(out.Actions, Action{Name: a.name, Value: a.value})
		}
	}
	return out
}

// maxTextLine keeps the lines of a text below the length that Coraza reads.
const maxTextLine = 48 << 10

// lines joins directives, each on a line of its own. A very long one is continued
// with a backslash between two letters, where nothing is lost.
func lines(directives []string) string {
	var b strings.Builder
	for _, d := range directives {
		for len(d) > maxTextLine && !strings.Contains(d, "\n") {
			cut := maxTextLine
			for cut > 1 && !(letter(d[cut-1]) && letter(d[cut])) {
				cut--
			}
			b.WriteString(d[:cut] + "\\\n")
			d = d[cut:]
		}
		b.WriteString(d)
		b.WriteByte('\n')
	}
	return b.String()
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
