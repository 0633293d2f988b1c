package seclang

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins/macro"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// Control is what the action ctl says: "ruleRemoveTargetById=942100;ARGS:bio".
type Control struct {
	Name  string // as Coraza spells it: "ruleRemoveTargetById"
	Value string // between "=" and ";", as written
	// Variable and Selector are those after ";". Variable is "" if there is none or
	// Coraza doesn't know it, and then nothing is removed. A Key is in lower case, a
	// Regexp is as written; both meet the key in lower case.
	Variable string
	Selector Selector
}

// Control reads the value of an action ctl. It fails for other actions.
func (a Action) Control() (Control, error) {
	if a.Name != "ctl" {
		return Control{}, fmt.Errorf("the action is %s, not ctl", a.Name)
	}
	return parseControl(a.Value)
}

var controls = map[string]bool{
	"auditEngine": true, "auditLogParts": true, "requestBodyAccess": true, "requestBodyLimit": true,
	"requestBodyProcessor": true, "forceRequestBodyVariable": true, "responseBodyProcessor": true,
	"responseBodyAccess": true, "responseBodyLimit": true, "forceResponseBodyVariable": true,
	"ruleEngine": true, "ruleRemoveById": true, "ruleRemoveByMsg": true, "ruleRemoveByTag": true,
	"ruleRemoveTargetById": true, "ruleRemoveTargetByMsg": true, "ruleRemoveTargetByTag": true,
	"hashEngine": true, "hashEnforcement": true, "debugLogLevel": true,
}

func parseControl(text string) (Control, error) {
	var c Control
	var rest string
	var ok bool
	if c.Name, rest, ok = strings.Cut(text, "="); !ok {
		return c, errors.New("expected name=value")
	}
	if !controls[c.Name] {
		return c, fmt.Errorf("unknown control %q", c.Name)
	}
	var target string
	c.Value, target, _ = strings.Cut(rest, ";")
	name, key, _ := strings.Cut(target, ":")
	if v, err := variables.Parse(strings.TrimSpace(name)); err == nil && v != variables.Unknown {
		c.Variable = v.Name()
	}
	key = strings.TrimSpace(key)
	inner, isPattern := slashed(key)
	if !isPattern {
		c.Selector.Key = strings.ToLower(key)
		return c, nil
	}
	if inner == "" {
		return c, errors.New("the pattern is empty")
	}
	var err error
	c.Selector.Regexp, err = regexp.Compile(inner)
	return c, err
}

func checkControl(_ *rule, v string) error {
	_, err := parseControl(v)
	return err
}

// checkSetvar checks "TX.name", "TX.name=value" and "!TX.name".
func checkSetvar(ru *rule, v string) error {
	if v == "" {
		return errNoValue
	}
	name, value, assigned := strings.Cut(strings.TrimPrefix(v, "!"), "=")
	collection, key, _ := strings.Cut(name, ".")
	if strings.ToUpper(collection) != "TX" || strings.TrimSpace(key) == "" {
		return errors.New("expected TX.name=value")
	}
	if _, err := macro.NewMacro(key); err != nil {
		return err
	}
	if !assigned {
		ru.doubt("setvar:%s has no value, which Coraza doesn't survive", v)
		return nil
	}
	_, err := macro.NewMacro(value)
	return err
}

func checkSetenv(ru *rule, v string) error {
	name, value, ok := strings.Cut(v, "=")
	if !ok || name == "" || value == "" {
		return errors.New("expected name=value")
	}
	return checkMacro(ru, value)
}

func checkInitcol(_ *rule, v string) error {
	if !strings.Contains(v, "=") {
		return errors.New("expected collection=key")
	}
	return nil
}
