package audit

import (
	"errors"
	"fmt"

	"github.com/gatehouse/gatehouse"
)

// OnError says what happens to requests while the log cannot be written.
const (
	Stop     = "stop"     // they are refused with 503
	Continue = "continue" // they go on; lost decisions are counted and leave a gap record
)

// Config is the section decisions of the configuration.
type Config struct {
	File    string          `yaml:"file" jsonschema_description:"the decision log, JSON lines; rotated files are named FILE.1, FILE.2 and so on"`
	MaxSize gatehouse.Bytes `yaml:"max_size" jsonschema_description:"size at which the file is rotated (default 100MiB)"`
	Keep    int             `yaml:"keep" jsonschema_description:"number of rotated files kept (default 10)"`
	OnError string          `yaml:"on_error" jsonschema:"enum=stop,enum=continue" jsonschema_description:"whether requests stop or continue while the log cannot be written (default stop)"`
	Mask    []string        `yaml:"mask" jsonschema_description:"names of sensitive fields, added to the built-in list"`
	Off     bool            `yaml:"off" jsonschema_description:"keep no decision log: nobody can tell afterwards what was decided (default false)"`
}

// Bounds of the configuration.
const (
	minSize = 64 * gatehouse.KiB
	maxKeep = 1000
	maxMask = 256
)

// WithDefaults returns c with the defaults filled in.
func (c Config) WithDefaults() Config {
	if c.File == "" {
		c.File = "data/decisions.jsonl"
	}
	if c.MaxSize == 0 {
		c.MaxSize = 100 * gatehouse.MiB
	}
	if c.Keep == 0 {
		c.Keep = 10
	}
	if c.OnError == "" {
		c.OnError = Stop
	}
	return c
}

// Validate returns every problem of c, after WithDefaults.
func (c Config) Validate() error {
	var errs []error
	bad := func(field, message, hint string) {
		errs = append(errs, &gatehouse.Error{Code: "config.decisions", Message: message, Hint: hint,
			At: gatehouse.Position{File: field}})
	}
	if c.File == "" {
		bad("file", "no file for the decision log", "")
	}
	if c.MaxSize < minSize {
		bad("max_size", fmt.Sprintf("%s is too small for a decision log", c.MaxSize), "at least "+minSize.String())
	}
	if c.Keep < 1 || c.Keep > maxKeep {
		bad("keep", fmt.Sprintf("cannot keep %d rotated files", c.Keep), fmt.Sprintf("1 to %d", maxKeep))
	}
	if c.OnError != Stop && c.OnError != Continue {
		bad("on_error", fmt.Sprintf("unknown answer %q to a log that cannot be written", c.OnError), "stop or continue")
	}
	if len(c.Mask) > maxMask {
		bad("mask", fmt.Sprintf("%d masked names are too many", len(c.Mask)), fmt.Sprintf("at most %d", maxMask))
	}
	for i, name := range c.Mask {
		if foldName(name) == "" {
			bad(fmt.Sprintf("mask[%d]", i), fmt.Sprintf("%q is not a field name", name), "letters, digits, _ and -")
		}
	}
	return errors.Join(errs...)
}
