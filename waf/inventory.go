package waf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/payload"
	"github.com/gatehouse/gatehouse/waf/screen"
	"github.com/gatehouse/gatehouse/waf/seclang"
)

// A Rule is one rule of a configuration that says something of a message.
type Rule struct {
	ID       string // "942100", "payload.ssrf.private"
	Message  string
	Severity string // "critical"; "" where the rule has none
	// Phase is 1 to 5; 0 of rules of package payload.
	Phase int
	// Paranoia is the level from which the rule is in force, 0 where it has none.
	Paranoia int
	Tags     []string
	At       gatehouse.Position
	// Mode is that of a rule of package payload.
	Mode gatehouse.Mode
	// Opaque says why the screen cannot decide the rule, so that requests which reach
	// it go through all rules; "" where it can.
	Opaque string
}

// Rules lists the rules that a configuration loads, without loading them into the
// engine. The configuration is one with defaults, and valid.
func Rules(cfg Config, o Options) ([]Rule, error) {
	prefix := fmt.Sprintf("rules-%d/", generations.Add(1))
	program, err := seclang.Read(layered{coreruleset.FS, generation{o.Files, prefix}}, cfg.Rules.directives(new(catalogue), prefix)+gatewaySettings)
	if err != nil {
		return nil, unplaced(err, prefix)
	}
	index, err := screen.NewIndex(program, screen.Options{Carried: func(id int) bool { return slices.Contains(parserRules, id) }})
	if err != nil {
		return nil, &gatehouse.Error{Code: "waf.directives_invalid", Message: "the rules cannot be indexed", Err: err}
	}
	opaque := index.Opaque()
	var out []Rule
	for i := range program.Rules {
		r := &program.Rules[i]
		decides := r.Disruptive == "deny" || r.Disruptive == "drop" || r.Disruptive == "redirect"
		if r.ID == 0 || !r.Log && !decides && opaque[r.ID] == "" {
			continue // it sets something up
		}
		out = append(out, Rule{ID: strconv.Itoa(r.ID), Message: r.Message, Severity: strings.ToLower(r.Severity), Phase: r.Phase, Paranoia: paranoia(r.Tags),
			Tags: r.Tags, At: place(strings.TrimPrefix(r.File, prefix), r.Line), Opaque: opaque[r.ID]})
	}
	inspector, err := payload.New(cfg.Payload)
	if err != nil {
		return nil, prefixed("payload", err)
	}
	for _, r := range payload.Rules() {
		if mode := inspector.Mode(r.ID); mode != gatehouse.Off {
			out = append(out, Rule{ID: r.ID, Message: r.Title, Severity: string(r.Severity), Tags: []string{r.Class}, Mode: mode})
		}
	}
	return out, nil
}

// paranoia reads the level of a rule from its tags.
func paranoia(tags []string) int {
	for _, t := range tags {
		if level, ok := strings.CutPrefix(t, "paranoia-level/"); ok {
			if n, err := strconv.Atoi(level); err == nil {
				return n
			}
		}
	}
	return 0
}

// place is where a rule stands; those that Gatehouse brings along stand in no file.
func place(file string, line int) gatehouse.Position {
	if file == "" || file == "." {
		return gatehouse.Position{}
	}
	return gatehouse.Position{File: file, Line: line}
}
