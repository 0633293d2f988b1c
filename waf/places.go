package waf

import (
	"errors"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/seclang"
)

// ruleInfo is what a verdict needs to know of a rule.
type ruleInfo struct {
	at    gatehouse.Position
	phase int
}

// knownRules indexes rules by id. The files of a generation lose its prefix.
func knownRules(program *seclang.Program, prefix string) map[int]ruleInfo {
	if program == nil {
		return nil
	}
	out := make(map[int]ruleInfo, len(program.Rules))
	for i := range program.Rules {
		if r := &program.Rules[i]; r.ID != 0 {
			out[r.ID] = ruleInfo{gatehouse.Position{File: strings.TrimPrefix(r.File, prefix), Line: r.Line}, r.Phase}
		}
	}
	return out
}

// unplaced returns the joined errors of a set's files with the files' own names.
func unplaced(err error, prefix string) error {
	if err == nil {
		return nil
	}
	list := []error{err}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		list = j.Unwrap()
	}
	out := make([]error, len(list))
	for i, err := range list {
		out[i] = err
		if e, ok := err.(*gatehouse.Error); ok {
			own := *e
			own.At.File = strings.TrimPrefix(e.At.File, prefix)
			own.Message = strings.ReplaceAll(e.Message, prefix, "")
			out[i] = &own
		}
	}
	return errors.Join(out...)
}

// loadFailure is why a set cannot be loaded: what was found with its line, or else
// what the engine says.
func loadFailure(engine, found error) error {
	if j, ok := found.(interface{ Unwrap() []error }); ok {
		for _, err := range j.Unwrap() {
			if e, ok := err.(*gatehouse.Error); ok && e.At.Line > 0 {
				return found
			}
		}
	}
	return engine
}
