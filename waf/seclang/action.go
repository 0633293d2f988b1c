package seclang

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins/macro"
	"github.com/corazawaf/coraza/v3/types"
)

// kind says when Coraza obeys an action, and whether rules inherit it.
type kind int

const (
	metadata      kind = iota + 1 // describes the rule; not inherited
	disruptive                    // decides on the request; one a rule, of the first link
	nondisruptive                 // on every match of a link
	flow                          // on a match of the whole chain, of the first link
	data                          // a parameter of others
)

// parsedAction is one item of a list of actions.
type parsedAction struct {
	name, value string
	def         actionDef
}

// actionDef is what is known of an action. apply puts it into the rule, and
// fails where Coraza does.
type actionDef struct {
	kind  kind
	apply func(ru *rule, value string) error
}

// actionDefs are Coraza's actions by name. Those whose apply only checks have no
// field in rule: they are kept in rule.actions.
var actionDefs = map[string]actionDef{
	"id":         {metadata, applyID},
	"phase":      {metadata, applyPhase},
	"msg":        {metadata, applyMessage},
	"severity":   {metadata, applySeverity},
	"tag":        {metadata, applyTag},
	"rev":        {metadata, needsValue},
	"ver":        {metadata, needsValue},
	"maturity":   {metadata, oneToNine},
	"accuracy":   {metadata, oneToNine},
	"allow":      {disruptive, checkAllow},
	"block":      {disruptive, noValue},
	"deny":       {disruptive, noValue},
	"drop":       {disruptive, noValue},
	"pass":       {disruptive, noValue},
	"redirect":   {disruptive, needsValue},
	"chain":      {flow, setting(func(ru *rule) { ru.chained = true })},
	"skip":       {flow, applySkip},
	"skipafter":  {flow, applySkipAfter},
	"status":     {data, applyStatus},
	"t":          {nondisruptive, applyTransform},
	"multimatch": {nondisruptive, setting(func(ru *rule) { ru.multiMatch = true })},
	"capture":    {nondisruptive, setting(func(ru *rule) { ru.capture = true })},
	"log":        {nondisruptive, setting(func(ru *rule) { ru.log = true })},
	"nolog":      {nondisruptive, setting(func(ru *rule) { ru.log = false })},
	"auditlog":   {nondisruptive, noValue},
	"noauditlog": {nondisruptive, noValue},
	"logdata":    {nondisruptive, checkMacro},
	"setvar":     {nondisruptive, checkSetvar},
	"setenv":     {nondisruptive, checkSetenv},
	"ctl":        {nondisruptive, checkControl},
	"initcol":    {nondisruptive, checkInitcol},
	"expirevar":  {nondisruptive, func(*rule, string) error { return nil }},
	"exec":       {nondisruptive, noValue},
}

// effective are the actions that Link.Actions lists.
var effective = map[string]bool{
	"setvar": true, "ctl": true, "setenv": true, "initcol": true, "expirevar": true, "exec": true,
}

// parseActions splits a list "name:value,name,…". Single quotes hide commas and
// colons; a character after a backslash separates nothing and quotes nothing. Of
// several disruptive actions the last takes the place of the first.
func parseActions(list string) ([]*parsedAction, error) {
	var actions []*parsedAction
	disruptiveAt := -1
	item := func(name, value string) error {
		a := &parsedAction{
			name:  strings.ToLower(strings.TrimSpace(name)),
			value: unquote(strings.TrimSpace(value)),
		}
		var ok bool
		if a.def, ok = actionDefs[a.name]; !ok {
			return fmt.Errorf("unknown action %q", a.name)
		}
		if a.def.kind == disruptive {
			if disruptiveAt >= 0 {
				actions[disruptiveAt] = a
				return nil
			}
			disruptiveAt = len(actions)
		}
		actions = append(actions, a)
		return nil
	}
	cut := func(from, colon, to int) error {
		if colon < 0 {
			return item(list[from:to], "")
		}
		return item(list[from:colon], list[colon+1:to])
	}
	from, colon, quoted := 0, -1, false
	for i := 1; i < len(list); i++ { // the first character can't separate
		switch c := list[i]; {
		case list[i-1] == '\\':
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == ':' && colon < 0:
			colon = i
		case c == ',':
			if err := cut(from, colon, i); err != nil {
				return nil, err
			}
			from, colon = i+1, -1
		}
	}
	if err := cut(from, colon, len(list)); err != nil {
		return nil, err
	}
	return actions, nil
}

func hasDisruptive(actions []*parsedAction) bool {
	for _, a := range actions {
		if a.def.kind == disruptive {
			return true
		}
	}
	return false
}

// applyWithDefaults applies a list of actions to a new rule, merged with those
// of SecDefaultAction for its phase. A chained link takes those of the phase that
// it names itself, or else of phase 2.
func (r *reader) applyWithDefaults(ru *rule, list string) error {
	defaults, err := r.defaultActions()
	if err != nil {
		return err
	}
	actions, err := parseActions(list)
	if err != nil {
		return err
	}
	return ru.apply(actions, defaults)
}

// apply applies actions: metadata first, which may name the phase, then the rest,
// the defaults of that phase before the rule's own.
func (ru *rule) apply(actions []*parsedAction, defaults map[int][]*parsedAction) error {
	for _, a := range actions {
		if a.def.kind == metadata {
			if err := a.def.apply(ru, a.value); err != nil {
				return fmt.Errorf("action %s: %w", a.name, err)
			}
		}
	}
	if inherited := defaults[ru.phase]; inherited != nil {
		actions = merge(actions, inherited)
	}
	for _, a := range actions {
		if a.def.kind == metadata {
			continue
		}
		if err := a.def.apply(ru, a.value); err != nil {
			return fmt.Errorf("action %s: %w", a.name, err)
		}
		ru.actions = append(ru.actions, a)
	}
	return nil
}

// merge puts the inherited actions before the rule's own. The inherited
// disruptive action counts, at the end, if the rule has none or block.
func merge(own, inherited []*parsedAction) []*parsedAction {
	var merged []*parsedAction
	var fallback *parsedAction
	for _, a := range inherited {
		switch a.def.kind {
		case disruptive:
			fallback = a
		case metadata:
		default:
			merged = append(merged, a)
		}
	}
	for _, a := range own {
		if a.def.kind == disruptive {
			if a.name == "block" {
				continue
			}
			fallback = nil
		}
		merged = append(merged, a)
	}
	if fallback != nil {
		merged = append(merged, fallback)
	}
	return merged
}

// defaultActions returns the actions of SecDefaultAction by phase. Coraza reads
// them anew for each rule: an error in them is one of the next rule.
func (r *reader) defaultActions() (map[int][]*parsedAction, error) {
	if r.parsedDefaults != nil {
		return r.parsedDefaults, nil
	}
	byPhase := map[int][]*parsedAction{}
	for _, list := range r.defaults {
		if err := addDefaults(byPhase, list); err != nil {
			return nil, fmt.Errorf("SecDefaultAction: %w", err)
		}
	}
	if byPhase[2] == nil {
		if err := addDefaults(byPhase, "phase:2,log,auditlog,pass"); err != nil {
			return nil, err
		}
	}
	r.parsedDefaults = byPhase
	return byPhase, nil
}

func addDefaults(byPhase map[int][]*parsedAction, list string) error {
	actions, err := parseActions(list)
	if err != nil {
		return err
	}
	phase := types.RulePhase(0)
	for _, a := range actions {
		switch {
		case a.name == "phase":
			if phase, err = types.ParseRulePhase(a.value); err != nil {
				return err
			}
		case a.def.kind == metadata, a.name == "t":
			return fmt.Errorf("the action %s can't be inherited", a.name)
		}
	}
	switch {
	case phase == 0:
		return errors.New("there is no phase")
	case !hasDisruptive(actions):
		return errors.New("there is no disruptive action")
	case byPhase[int(phase)] != nil:
		return fmt.Errorf("there is one already for phase %d", phase)
	}
	byPhase[int(phase)] = actions
	return nil
}

var (
	errValue   = errors.New("unexpected value")
	errNoValue = errors.New("the value is missing")
)

func noValue(_ *rule, v string) error {
	if v != "" {
		return errValue
	}
	return nil
}

func needsValue(_ *rule, v string) error {
	if v == "" {
		return errNoValue
	}
	return nil
}

// setting makes an action without value that sets a field.
func setting(set func(*rule)) func(*rule, string) error {
	return func(ru *rule, v string) error {
		if v != "" {
			return errValue
		}
		set(ru)
		return nil
	}
}

func oneToNine(_ *rule, v string) error {
	n, err := strconv.Atoi(v)
	if err == nil && (n < 1 || n > 9) {
		return errors.New("expected 1 to 9")
	}
	return err
}

func checkMacro(_ *rule, v string) error {
	_, err := macro.NewMacro(v)
	return err
}

func applyID(ru *rule, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil {
		return err
	}
	if n <= 0 {
		return errors.New("an id is positive")
	}
	ru.id = n
	return nil
}

func applyPhase(ru *rule, v string) error {
	phase, err := types.ParseRulePhase(v)
	ru.phase = int(phase)
	return err
}

func applyMessage(ru *rule, v string) error {
	ru.message = unquote(v)
	return checkMacro(ru, ru.message)
}

func applySeverity(ru *rule, v string) error {
	severity, err := types.ParseRuleSeverity(v)
	if err != nil {
		return err
	}
	ru.severity = severity
	return nil
}

func applyTag(ru *rule, v string) error {
	ru.tags = append(ru.tags, v)
	return needsValue(ru, v)
}

func checkAllow(_ *rule, v string) error {
	if v != "" && v != "phase" && v != "request" {
		return errValue
	}
	return nil
}

func applySkip(ru *rule, v string) error {
	n, err := strconv.Atoi(v)
	if err == nil && n < 1 {
		return errors.New("expected 1 or more")
	}
	ru.skip = n
	return err
}

func applySkipAfter(ru *rule, v string) error {
	ru.skipAfter = unquote(v)
	return needsValue(ru, ru.skipAfter)
}

func applyStatus(ru *rule, v string) error {
	n, err := strconv.Atoi(v)
	ru.status = n
	return err
}

// applyTransform adds a transformation; "none", in lower case only, takes those
// before it away. An unknown one is an error.
func applyTransform(ru *rule, v string) error {
	name := strings.ToLower(v)
	switch {
	case v == "none":
		ru.transforms = nil
	case name == "none": // to Coraza a transformation that changes nothing
	case !transformations[name]:
		return fmt.Errorf("unknown transformation %q", v)
	default:
		ru.transforms = append(ru.transforms, name)
	}
	return nil
}

var transformations = map[string]bool{
	"base64decode": true, "base64decodeext": true, "base64encode": true, "cmdline": true,
	"compresswhitespace": true, "cssdecode": true, "escapeseqdecode": true, "hexdecode": true,
	"hexencode": true, "htmlentitydecode": true, "jsdecode": true, "length": true, "lowercase": true,
	"md5": true, "normalisepath": true, "normalisepathwin": true, "normalizepath": true,
	"normalizepathwin": true, "removecomments": true, "removecommentschar": true, "removenulls": true,
	"removewhitespace": true, "replacecomments": true, "replacenulls": true, "sha1": true,
	"uppercase": true, "urldecode": true, "urldecodeuni": true, "urlencode": true,
	"utf8tounicode": true, "trim": true, "trimleft": true, "trimright": true,
}
