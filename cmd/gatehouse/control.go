package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/admin"
)

// newReload, newDrain and newStatus speak to the running gateway over its socket.
func newReload(a *app) *cobra.Command {
	return a.socketWord("reload", "Make the running gateway read its configuration again",
		func(ctx context.Context, c *admin.Client) error {
			err := c.Reload(ctx)
			var e *gatehouse.Error
			switch {
			case err == nil:
				a.tell("reloaded")
			case !errors.As(err, &e): // the gateway's own answer: a configuration that it does not take
				a.tell("gatehouse: not reloaded, the last good configuration stays: %v", err)
				return &failure{exitUsage, nil}
			}
			return err
		})
}

func newDrain(a *app) *cobra.Command {
	return a.socketWord("drain", "Stop the running gateway gracefully",
		func(ctx context.Context, c *admin.Client) error {
			err := c.Drain(ctx)
			if err == nil {
				a.tell("draining")
			}
			return err
		})
}

func newStatus(a *app) *cobra.Command {
	return a.socketWord("status", "Show the running gateway's state as JSON",
		func(ctx context.Context, c *admin.Client) error {
			st, err := c.Status(ctx)
			if err != nil {
				return err
			}
			return a.writeJSON(json.RawMessage(st))
		})
}

func (a *app) socketWord(use, short string, do func(ctx context.Context, c *admin.Client) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: runs(func(ctx context.Context, _ []string) error {
		cfg, err := a.setting("admin")
		if err != nil {
			return err
		}
		return do(ctx, admin.Dial(a.beside(cfg.Admin.Socket)))
	})}
}

// beside resolves a name of the configuration, which starts from its folder.
func (a *app) beside(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(a.config), name)
}
