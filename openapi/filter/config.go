package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Mask is what becomes of a sensitive value.
type Mask uint8

const (
	MaskNone   Mask = iota // shown as it is
	MaskRemove             // the member is left out
	MaskRedact             // "***"
	MaskLast4              // "***1111"
	MaskEmail              // "j***@example.com"
	MaskHash               // a keyed pseudonym
)

var maskNames = [...]string{"none", "remove", "redact", "last4", "email", "hash"}

func (m Mask) String() string {
	if int(m) < len(maskNames) {
		return maskNames[m]
	}
	return fmt.Sprintf("Mask(%d)", uint8(m))
}

// MarshalText and UnmarshalText let a Mask stand in configuration.
func (m Mask) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (m *Mask) UnmarshalText(b []byte) error {
	i := slices.Index(maskNames[:], string(b))
	if i < 0 {
		return &gatehouse.Error{Code: "config.mask", Message: fmt.Sprintf("unknown mask %q", b),
			Hint: "one of " + strings.Join(maskNames[:], ", ")}
	}
	*m = Mask(i)
	return nil
}

// Config says what is masked, and for whom.
type Config struct {
	Rules   []Rule `yaml:"rules,omitempty" jsonschema_description:"what is masked; of the rules by field or class that match a value the first one counts"`
	HashKey string `yaml:"hash_key,omitempty" jsonschema:"format=password" jsonschema_description:"key of the mask hash, at least 32 bytes, as ${env:NAME} or ${file:PATH}"`
}

// A Rule masks the values it names: by field, by class or by what they look like.
type Rule struct {
	Name    string     `yaml:"name,omitempty" jsonschema_description:"for people"`
	Fields  []string   `yaml:"fields,omitempty" jsonschema_description:"names of properties, * for any text; upper case, - and _ make no difference"`
	Classes []string   `yaml:"classes,omitempty" jsonschema_description:"x-gatehouse-class of the contract"`
	Detect  []string   `yaml:"detect,omitempty" jsonschema_description:"what values look like: email, phone, card, iban, us_ssn, uk_nino, de_steuer_id, fr_nir"`
	Mask    Mask       `yaml:"mask" jsonschema:"type=string,enum=none,enum=remove,enum=redact,enum=last4,enum=email,enum=hash" jsonschema_description:"what becomes of them"`
	AsText  bool       `yaml:"as_text,omitempty" jsonschema_description:"numbers are masked as texts and become strings; otherwise they become 0"`
	For     []Audience `yaml:"for,omitempty" jsonschema_description:"who gets another mask; the first entry that fits counts"`
}

// An Audience is callers with another mask. A caller fits by any of the roles,
// scopes or clients.
type Audience struct {
	Roles   []string `yaml:"roles,omitempty" jsonschema_description:"roles of the caller"`
	Scopes  []string `yaml:"scopes,omitempty" jsonschema_description:"scopes of the credential"`
	Clients []string `yaml:"clients,omitempty" jsonschema_description:"client ids"`
	Mask    Mask     `yaml:"mask" jsonschema:"type=string,enum=none,enum=remove,enum=redact,enum=last4,enum=email,enum=hash" jsonschema_description:"what becomes of the values for them"`
}

// Bounds of a configuration.
const (
	maxRules   = 256
	maxPattern = 128 // bytes of one field pattern
	minHashKey = 32  // bytes
)

// WithDefaults returns c; there is nothing to fill in.
func (c Config) WithDefaults() Config { return c }

// Validate returns all problems, joined; each is a *gatehouse.Error whose At.File
// is the path within the section.
func (c Config) Validate() error {
	var errs []error
	bad := func(path, code, hint, format string, args ...any) {
		errs = append(errs, &gatehouse.Error{Code: "config." + code, Message: fmt.Sprintf(format, args...), Hint: hint,
			At: gatehouse.Position{File: path}})
	}
	if len(c.Rules) > maxRules {
		bad("rules", "range", "", "more than %d rules", maxRules)
	}
	hashes := false
	for i := range c.Rules {
		r, path := &c.Rules[i], fmt.Sprintf("rules[%d]", i)
		if len(r.Fields)+len(r.Classes)+len(r.Detect) == 0 {
			bad(path, "missing", "give fields, classes or detect", "the rule names no values")
		}
		for j, f := range r.Fields {
			if at := fmt.Sprintf("%s.fields[%d]", path, j); len(f) > maxPattern {
				bad(at, "range", "", "a pattern of more than %d bytes", maxPattern)
			} else if len(foldName(nil, []byte(f))) == 0 {
				bad(at, "missing", "", "an empty name")
			}
		}
		for j, d := range r.Detect {
			if !slices.Contains(Detectors(), d) {
				bad(fmt.Sprintf("%s.detect[%d]", path, j), "unknown", "one of "+strings.Join(Detectors(), ", "), "no detector is called %q", d)
			}
		}
		hashes = hashes || r.Mask == MaskHash
		for j := range r.For {
			a := &r.For[j]
			if len(a.Roles)+len(a.Scopes)+len(a.Clients) == 0 {
				bad(fmt.Sprintf("%s.for[%d]", path, j), "missing", "give roles, scopes or clients", "the entry fits nobody")
			}
			hashes = hashes || a.Mask == MaskHash
		}
	}
	if hashes && len(c.HashKey) < minHashKey {
		bad("hash_key", "missing", "make one with: openssl rand -hex 32", "the mask hash needs a key of at least %d bytes", minHashKey)
	}
	return errors.Join(errs...)
}
