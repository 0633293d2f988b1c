package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/server"
	"github.com/gatehouse/gatehouse/policy"
)

// newWhoCan reviews who may call an operation.
func newWhoCan(a *app) *cobra.Command {
	var api string
	var subjects []string
	cmd := &cobra.Command{
		Use:   "who-can METHOD PATH | who-can OPERATION",
		Short: "List who may call an operation, and by which policy",
		Long: "List who may call an operation, always, on a condition or never, and the policy that says so.\n" +
			"PATH is a template (/orders/{id}) or a path (/orders/17), OPERATION an id such as shop.getOrder.\n" +
			"Subjects are the roles and principals that policies and entities name, or those given by --subject.",
		Args: cobra.RangeArgs(1, 2),
		RunE: runs(func(ctx context.Context, args []string) error {
			set, err := a.policies()
			if err != nil {
				return err
			}
			q := policy.Query{API: api}
			if len(args) == 2 {
				q.Method, q.Path = strings.ToUpper(args[0]), args[1]
			} else {
				q.Operation = args[0]
			}
			var whose []policy.Subject
			for _, text := range subjects {
				s, err := set.Subject(text)
				if err != nil {
					return &failure{exitUsage, err}
				}
				whose = append(whose, s)
			}
			grants, err := set.WhoCan(ctx, q, whose)
			if err != nil {
				return &failure{exitUsage, err}
			}
			return a.writeGrants(grants)
		}),
	}
	cmd.Flags().StringVar(&api, "api", "", "only of this API")
	cmd.Flags().StringArrayVar(&subjects, "subject", nil, "review this subject: role:NAME, user:ID, client:ID, workload:ID, anonymous")
	return cmd
}

// newWhatCan reviews what a subject may call.
func newWhatCan(a *app) *cobra.Command {
	var roles, scopes []string
	cmd := &cobra.Command{
		Use:   "what-can SUBJECT",
		Short: "List what a subject may call, and by which policy",
		Long: "List every operation with what the policies say of the subject: always, on a condition, never.\n" +
			"SUBJECT is role:NAME, user:ID, client:ID, workload:ID or anonymous.",
		Args: cobra.ExactArgs(1),
		RunE: runs(func(ctx context.Context, args []string) error {
			set, err := a.policies()
			if err != nil {
				return err
			}
			s, err := set.Subject(args[0])
			if err != nil {
				return &failure{exitUsage, err}
			}
			s.Roles, s.Scopes = append(s.Roles, roles...), append(s.Scopes, scopes...)
			grants, err := set.WhatCan(ctx, s)
			if err != nil {
				return &failure{exitUsage, err}
			}
			return a.writeGrants(grants)
		}),
	}
	cmd.Flags().StringSliceVar(&roles, "role", nil, "a role the subject has besides those of the entities file")
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "a scope of the subject's credential; none given: unknown")
	return cmd
}

func (a *app) writeGrants(g policy.Grants) error {
	if a.json() {
		return a.writeJSON(g)
	}
	return g.WriteTable(a.stdout)
}

func (a *app) policies() (*policy.Set, error) {
	cfg, err := a.loaded()
	if err != nil {
		return nil, err
	}
	set, err := server.Policies(cfg, filepath.Dir(a.config))
	if err != nil {
		return nil, a.notStarted(err)
	}
	return set, nil
}
