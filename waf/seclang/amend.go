package seclang

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// idRange is an id, or a range of ids "from-to" with both ends.
type idRange struct {
	from, to int
	single   bool // written without "-"
}

func parseIDs(word string) (idRange, error) {
	first, last, isRange := strings.Cut(word, "-")
	if !isRange {
		id, err := strconv.Atoi(word)
		return idRange{id, id, true}, err
	}
	if first == "" {
		return idRange{}, fmt.Errorf("the id %s is negative", word)
	}
	from, err := strconv.Atoi(first)
	if err != nil {
		return idRange{}, err
	}
	to, err := strconv.Atoi(last)
	if err != nil {
		return idRange{}, err
	}
	if from > to {
		return idRange{}, fmt.Errorf("the range %s is upside down", word)
	}
	return idRange{from: from, to: to}, nil
}

// removeByID removes rules that were read before. A range that holds 0 removes
// markers too, the id 0 alone the first of them.
func (r *reader) removeByID(opts, _ string) error {
	for _, word := range strings.Fields(opts) {
		ids, err := parseIDs(word)
		if err != nil {
			return err
		}
		if !ids.single {
			r.rules = slices.DeleteFunc(r.rules, func(ru *rule) bool { return ru.id >= ids.from && ru.id <= ids.to })
			continue
		}
		if i := slices.Index(r.rules, r.find(ids.from)); i >= 0 {
			r.rules = slices.Delete(r.rules, i, i+1)
		}
	}
	return nil
}

func (r *reader) removeByTag(opts, _ string) error {
	r.rules = slices.DeleteFunc(r.rules, func(ru *rule) bool { return slices.Contains(ru.tags, opts) })
	return nil
}

// removeByMessage removes rules by the text of their action msg. Coraza panics
// if any rule before has none, as markers do.
func (r *reader) removeByMessage(opts, _ string) error {
	for _, ru := range r.rules {
		if ru.message == "" {
			return fmt.Errorf("the engine doesn't survive it: the rule at %s has no msg", ru.at)
		}
	}
	r.rules = slices.DeleteFunc(r.rules, func(ru *rule) bool { return ru.message == opts })
	return nil
}

// forIDs calls update for the rules that ids and ranges before the last word
// name, with that last word, once check has passed it. As in Coraza, the first
// single id ends the list.
func (r *reader) forIDs(opts string, check func(last string) error, update func(ru *rule, last string) error) error {
	words := strings.Fields(opts)
	if len(words) < 2 {
		return errors.New("expected ids and what to change")
	}
	last := strings.Trim(words[len(words)-1], `"`)
	if check != nil {
		if err := check(last); err != nil {
			return err
		}
	}
	for _, word := range words[:len(words)-1] {
		ids, err := parseIDs(word)
		if err != nil {
			return err
		}
		if ids.from == ids.to {
			ru := r.find(ids.from)
			if ru == nil {
				return fmt.Errorf("there is no rule %d before it", ids.from)
			}
			return update(ru, last)
		}
		for _, ru := range r.rules {
			if ru.id < ids.from || ru.id > ids.to {
				continue
			}
			if err := update(ru, last); err != nil {
				return err
			}
		}
	}
	return nil
}

// updateTargetByID adds targets and exceptions to rules, not to the links that
// are chained to them.
func (r *reader) updateTargetByID(opts, _ string) error {
	return r.forIDs(opts, nil, (*rule).updateTargets)
}

func (r *reader) updateTargetByTag(opts, _ string) error {
	words := strings.Fields(opts)
	if len(words) != 2 {
		return errors.New("expected a tag and targets")
	}
	tag, targets := strings.Trim(words[0], `"`), strings.Trim(words[1], `"`)
	for _, ru := range r.rules {
		if slices.Contains(ru.tags, tag) {
			if err := ru.updateTargets(targets); err != nil {
				return err
			}
		}
	}
	return nil
}

func (ru *rule) updateTargets(list string) error {
	if ru.id != 0 {
		ru.text = append(ru.text, fmt.Sprintf("SecRuleUpdateTargetById %d \"%s\"", ru.id, list))
	}
	return ru.readTargets(list)
}

// updateActionByID applies actions to rules, on top of what they have, except
// that a disruptive one takes the place of theirs. Nothing is inherited, so that
// block means nothing here.
func (r *reader) updateActionByID(opts, _ string) error {
	check := func(list string) error {
		_, err := parseActions(list)
		return err
	}
	return r.forIDs(opts, check, (*rule).updateActions)
}

func (ru *rule) updateActions(list string) error {
	actions, err := parseActions(list)
	if err != nil {
		return err
	}
	if ru.id != 0 {
		ru.text = append(ru.text, fmt.Sprintf("SecRuleUpdateActionById %d \"%s\"", ru.id, list))
	}
	if hasDisruptive(actions) {
		ru.actions = slices.DeleteFunc(ru.actions, func(a *parsedAction) bool { return a.def.kind == disruptive })
	}
	return ru.apply(actions, nil)
}
