package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/server"
)

// newValidate checks the configuration, policies, key files and certificates
// included, as starting it would.
func newValidate(a *app) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check the configuration and its policies",
		Long: "Check the configuration and its policies, and show everything that is wrong, each with file, line and column.\n" +
			"Exit code 2 if it cannot be used, else 1 if there are warnings and --strict is set, else 0.",
		Args: cobra.MaximumNArgs(1),
		RunE: runs(func(_ context.Context, args []string) error {
			a.named(args)
			ds, err := server.Check(a.config, config.Env{})
			if !ds.HasErrors() {
				ds = append(ds, config.Explain(err, filepath.Dir(a.config))...)
			}
			return a.validated(a.config, ds, strict)
		}),
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings fail, too")
	return cmd
}

// alike is how many warnings that say the same are shown to people.
const alike = 3

// validated prints what is wrong with a file.
func (a *app) validated(file string, ds config.Diagnostics, strict bool) error {
	write := func() error { return ds.Digest(alike).WriteText(a.stdout, colour(a.stdout)) }
	if a.json() {
		write = func() error { return ds.WriteJSON(a.stdout) }
	}
	if err := write(); err != nil {
		return err
	}
	errs, warnings := ds.Count()
	switch {
	case errs > 0:
		a.tell("%s: %s, %s", file, count(errs, "error"), count(warnings, "warning"))
		return &failure{exitUsage, nil}
	case warnings > 0:
		a.tell("%s: %s", file, count(warnings, "warning"))
		if strict {
			return found()
		}
	default:
		a.tell("%s: valid", file)
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
