package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
)

// newValidate checks the configuration; load reads it.
func newValidate(a *app, load func(path string, env config.Env) (*config.Config, config.Diagnostics)) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration",
		Long: "Check the configuration and show everything that is wrong with it, each with file, line and column.\n" +
			"Exit code 2 if it cannot be used, else 1 if there are warnings and --strict is set, else 0.",
		Args: cobra.NoArgs,
		RunE: runs(func(context.Context, []string) error {
			_, ds := load(a.config, config.Env{})
			return a.validated(ds, strict)
		}),
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings fail, too")
	return cmd
}

func (a *app) validated(ds config.Diagnostics, strict bool) error {
	write := func() error { return ds.WriteText(a.stdout, colour(a.stdout)) }
	if a.json() {
		write = func() error { return ds.WriteJSON(a.stdout) }
	}
	if err := write(); err != nil {
		return err
	}
	errs, warnings := ds.Count()
	switch {
	case errs > 0:
		a.tell("%s: %s, %s", a.config, count(errs, "error"), count(warnings, "warning"))
		return &failure{exitUsage, nil}
	case warnings > 0:
		a.tell("%s: %s", a.config, count(warnings, "warning"))
		if strict {
			return found()
		}
	default:
		a.tell("%s: valid", a.config)
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
