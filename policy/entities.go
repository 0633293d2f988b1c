package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse/gatehouse"
)

// directory is what the entities file says: the hierarchy of roles, and the
// roles of named callers.
type directory struct {
	entities cedar.EntityMap
	subjects []cedar.EntityUID // in the file's order
	at       map[cedar.EntityUID]gatehouse.Position
}

// readDirectory reads Cedar's JSON format of entities: a list of objects with
// uid, parents and attrs. Attributes must be empty, since those of a principal
// come from its credential.
func readDirectory(src *Source) (*directory, error) {
	d := &directory{entities: cedar.EntityMap{}, at: map[cedar.EntityUID]gatehouse.Position{}}
	if src == nil {
		return d, nil
	}
	bad := func(offset int64, hint, format string, args ...any) error {
		return &gatehouse.Error{Code: "policy.entities", Message: inert(fmt.Sprintf(format, args...)), Hint: hint,
			At: position(src, offset)}
	}
	if len(src.Text) > maxEntities {
		return d, bad(0, "", "the file is larger than %v", gatehouse.Bytes(maxEntities))
	}
	dec := json.NewDecoder(bytes.NewReader(src.Text))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('[') {
		return d, bad(0, `[{"uid": {"type": "Role", "id": "admin"}, "parents": [], "attrs": {}}]`, "not a list of entities")
	}
	var errs []error
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return d, errors.Join(append(errs, bad(dec.InputOffset(), "", "not JSON: %v", err))...)
		}
		from := dec.InputOffset() - int64(len(raw))
		var e cedar.Entity
		if err := e.UnmarshalJSON(raw); err != nil {
			errs = append(errs, bad(from, "an entity has uid, parents and attrs", "%v", err))
			continue
		}
		for _, m := range d.add(e, position(src, from)) {
			errs = append(errs, bad(from, m.hint, "%s", m.text))
		}
	}
	if _, err := dec.Token(); err != nil {
		errs = append(errs, bad(dec.InputOffset(), "", "the list does not end"))
	} else if dec.More() || len(bytes.TrimSpace(src.Text[dec.InputOffset():])) > 0 {
		errs = append(errs, bad(dec.InputOffset(), "", "there is more after the list"))
	}
	if uid, ok := d.cycle(); ok {
		errs = append(errs, &gatehouse.Error{Code: "policy.entities", At: d.at[uid],
			Message: inert(uid.String() + " is among its own ancestors")})
	}
	return d, errors.Join(errs...)
}

type complaint struct{ text, hint, code string }

// misnamed lists the callers that have a name that nobody has.
func (d *directory) misnamed(issuers []string) (errs []error) {
	for _, uid := range d.subjects {
		if uid.Type != typeUser && uid.Type != typeClient {
			continue
		}
		if m := misnamed(issuers, uid); m != nil {
			errs = append(errs, &gatehouse.Error{Code: m.code, Message: inert(m.text), Hint: inert(m.hint), At: d.at[uid]})
		}
	}
	return errs
}

func (d *directory) add(e cedar.Entity, at gatehouse.Position) (wrong []complaint) {
	switch e.UID.Type {
	case typeRole, typeUser, typeClient, typeWorkload:
	default:
		return []complaint{{fmt.Sprintf("%v: entities of type %s are not read from here", e.UID, e.UID.Type),
			"one of Role, User, Client, Workload", ""}}
	}
	if _, ok := d.entities[e.UID]; ok {
		wrong = append(wrong, complaint{fmt.Sprintf("%v is here twice", e.UID), "", ""})
	}
	if e.Attributes.Len() > 0 || e.Tags.Len() > 0 {
		wrong = append(wrong, complaint{fmt.Sprintf("%v has attributes", e.UID),
			"attributes of principals come from their credentials; give it roles instead", ""})
	}
	for p := range e.Parents.All() {
		if p.Type != typeRole {
			wrong = append(wrong, complaint{fmt.Sprintf("%v has the parent %v", e.UID, p), "parents are of type Role", ""})
		}
	}
	d.entities[e.UID] = cedar.Entity{UID: e.UID, Parents: e.Parents}
	d.subjects = append(d.subjects, e.UID)
	d.at[e.UID] = at
	return wrong
}

// cycle returns an entity that descends from itself.
func (d *directory) cycle() (cedar.EntityUID, bool) {
	const (
		open = 1
		done = 2
	)
	state := make(map[cedar.EntityUID]int, len(d.entities))
	var visit func(cedar.EntityUID) bool
	visit = func(uid cedar.EntityUID) bool {
		switch state[uid] {
		case open:
			return true
		case done:
			return false
		}
		state[uid] = open
		for p := range d.entities[uid].Parents.All() {
			if visit(p) {
				return true
			}
		}
		state[uid] = done
		return false
	}
	for _, uid := range d.subjects {
		if visit(uid) {
			return uid, true
		}
	}
	return cedar.EntityUID{}, false
}

// ancestors lists uid itself and everything it is in, given its direct parents.
func (d *directory) ancestors(uid cedar.EntityUID, parents []cedar.EntityUID) []cedar.EntityUID {
	out := []cedar.EntityUID{uid}
	seen := map[cedar.EntityUID]bool{uid: true}
	todo := slices.Clone(parents)
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[p] {
			continue
		}
		seen[p] = true
		out = append(out, p)
		for q := range d.entities[p].Parents.All() {
			todo = append(todo, q)
		}
	}
	return out
}

func position(src *Source, offset int64) gatehouse.Position {
	before := src.Text[:min(max(offset, 0), int64(len(src.Text)))]
	nl := bytes.LastIndexByte(before, '\n')
	return gatehouse.Position{File: src.Name, Line: 1 + bytes.Count(before, []byte("\n")),
		Column: 1 + utf8.RuneCount(before[nl+1:])}
}
