package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/gatehouse/gatehouse/internal/config"
)

// json reports whether data is wanted as JSON.
func (a *app) json() bool { return a.output == "json" }

func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// tell says how things go, on standard error.
func (a *app) tell(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) }

// colour reports whether w is a terminal of somebody who likes colours.
func colour(w io.Writer) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// terminal reports whether somebody watches w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// named takes the configuration file from the arguments, where one is there: run,
// validate and routes know it as --config or as FILE.
func (a *app) named(args []string) {
	if len(args) == 1 {
		a.config = args[0]
	}
}

// setting loads the configuration for a word that needs one value of it. Errors
// elsewhere do not matter to it: a secret that only the gateway's environment
// has, say.
func (a *app) setting(path string) (*config.Config, error) {
	c, ds := config.Load(a.config, config.Env{})
	if of := ds.Within(path); c == nil || of.HasErrors() {
		_ = of.WriteText(a.stderr, colour(a.stderr)) // where errors go there is nowhere to tell of an error
		return nil, &failure{exitUsage, nil}
	}
	return c, nil
}
