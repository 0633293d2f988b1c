package policy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Bounds of what Compile reads. They are far above what people write and keep a
// mistaken glob, or a generated file, from eating the machine.
const (
	maxFile      = 4 << 20  // bytes of one policy file
	maxEntities  = 16 << 20 // bytes of the entities file
	maxStatement = 64 << 10 // bytes of one policy
	maxDepth     = 100      // brackets within brackets in one policy
	maxPath      = 32       // parts of one attribute path: "has a.b.c" takes cubic time
	maxPolicies  = 20000
	maxID        = 128 // bytes of an @id
)

// Config is the section "policies" of gatehouse.yaml.
type Config struct {
	Files    []string             `yaml:"files,omitempty" jsonschema_description:"Cedar policy files, globs allowed: policies/*.cedar"`
	Entities string               `yaml:"entities,omitempty" jsonschema_description:"Cedar entities file (JSON) with the role hierarchy and the roles of named callers"`
	Claims   map[string]ClaimType `yaml:"claims,omitempty" jsonschema_description:"claims that policies may read, each with its type: string, long, bool or set"`
	TimeZone string               `yaml:"time_zone,omitempty" jsonschema_description:"time zone of context.hour and context.weekday, such as Europe/Berlin; default UTC"`
}

// ClaimType is the type a claim has in policies.
type ClaimType string

// The types of claims. A set holds strings; a claim that is a single string
// counts as a set of one, as issuers write it so.
const (
	ClaimString ClaimType = "string"
	ClaimLong   ClaimType = "long"
	ClaimBool   ClaimType = "bool"
	ClaimSet    ClaimType = "set"
)

// WithDefaults returns c with its empty fields filled.
func (c Config) WithDefaults() Config {
	if c.TimeZone == "" {
		c.TimeZone = "UTC"
	}
	return c
}

// Validate returns all problems, joined; each is a *gatehouse.Error whose At.File
// is the path within the section.
func (c Config) Validate() error {
	var errs []error
	bad := func(path, code, hint, format string, args ...any) {
		errs = append(errs, &gatehouse.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint,
			At: gatehouse.Position{File: path}})
	}
	for i, f := range c.Files {
		if f == "" {
			bad(fmt.Sprintf("files[%d]", i), "policy.file", "name a file or a glob", "an empty file name")
		} else if _, err := filepath.Match(f, "x"); err != nil {
			bad(fmt.Sprintf("files[%d]", i), "policy.file", "see path/filepath.Match", "%q is not a valid glob", f)
		}
	}
	names := make([]string, 0, len(c.Claims))
	for name := range c.Claims {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := "claims." + name
		switch t := c.Claims[name]; t {
		case ClaimString, ClaimLong, ClaimBool, ClaimSet:
		default:
			bad(path, "policy.claim_type", "one of string, long, bool, set", "unknown claim type %q", t)
		}
		if name == "" || len(name) > 64 || strings.HasPrefix(name, "__") || inert(name) != name {
			bad(path, "policy.claim_name", "up to 64 printable characters", "%q cannot be read by policies", name)
		}
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		bad("time_zone", "policy.time_zone", "a name from the IANA time zone database, such as Europe/Berlin",
			"unknown time zone %q", c.TimeZone)
	}
	return errors.Join(errs...)
}

// A Source is one file: its name as errors and reasons print it, and its text.
type Source struct {
	Name string
	Text []byte
}

// Read reads the policy files and, where there is one, the entities file. Names
// in c are relative to dir; the names of the Sources are as c writes them.
func (c Config) Read(dir string) (files []Source, entities *Source, err error) {
	var errs []error
	seen := map[string]bool{}
	for i, pattern := range c.Files {
		full := pattern
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, pattern)
		}
		names, err := filepath.Glob(full)
		if err != nil || len(names) == 0 {
			errs = append(errs, &gatehouse.Error{Code: "policy.no_files", Message: fmt.Sprintf("no file matches %q", pattern),
				At: gatehouse.Position{File: fmt.Sprintf("files[%d]", i)}, Err: err})
			continue
		}
		for _, name := range names {
			if seen[name] {
				continue
			}
			seen[name] = true
			text, err := readBounded(name, maxFile)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			files = append(files, Source{Name: relative(dir, name), Text: text})
		}
	}
	if c.Entities != "" {
		full := c.Entities
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, full)
		}
		text, err := readBounded(full, maxEntities)
		if err != nil {
			errs = append(errs, err)
		} else {
			entities = &Source{Name: c.Entities, Text: text}
		}
	}
	return files, entities, errors.Join(errs...)
}

func relative(dir, name string) string {
	if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return name
}

func readBounded(name string, limit int64) ([]byte, error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // a pipe would keep a reload waiting
		return nil, &gatehouse.Error{Code: "policy.file", At: gatehouse.Position{File: name}, Message: "not a regular file"}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, &gatehouse.Error{Code: "policy.file", Err: err}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, &gatehouse.Error{Code: "policy.file", At: gatehouse.Position{File: name}, Err: err}
	}
	if int64(len(text)) > limit {
		return nil, &gatehouse.Error{Code: "policy.limit", At: gatehouse.Position{File: name},
			Message: fmt.Sprintf("the file is larger than %v", gatehouse.Bytes(limit))}
	}
	return text, nil
}
