package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/server"
)

// newRoutes lists the operations.
func newRoutes(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "routes [FILE]",
		Short: "List the operations, what they demand and where they go",
		Args:  cobra.MaximumNArgs(1),
		RunE: runs(func(_ context.Context, args []string) error {
			a.named(args)
			cfg, err := a.loaded()
			if err != nil {
				return err
			}
			routes, err := server.Routes(cfg, filepath.Dir(a.config))
			if err != nil {
				return a.notStarted(err)
			}
			if a.json() {
				return a.writeJSON(routes)
			}
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "API\tENDPOINT\tID\tACCESS\tSCOPES\tMODE\tUPSTREAM\tHOSTS")
			for _, r := range routes {
				hosts := strings.Join(r.Hosts, " ")
				if r.Egress {
					hosts += " (egress)"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.API, r.Endpoint, r.ID, r.Access, orDash(strings.Join(r.Scopes, " ")),
					modes(r.Modes), r.Upstream, hosts)
			}
			return w.Flush()
		}),
	}
}

// modes prints the mode of the policy, and every control that has another one.
func modes(m map[string]string) string {
	most := m["policy"]
	out := most
	for _, control := range config.KnownControls {
		if mode := m[control]; mode != "" && mode != most {
			out += " " + control + "=" + mode
		}
	}
	return out
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// loaded reads a configuration that must be right; its errors are printed.
func (a *app) loaded() (*config.Config, error) {
	cfg, ds, err := server.Load(a.config, config.Env{})
	if err != nil {
		_ = ds.WriteText(a.stderr, colour(a.stderr)) // where errors go there is nowhere to tell of an error
		return nil, &failure{exitUsage, nil}
	}
	return cfg, nil
}
