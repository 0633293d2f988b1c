package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/audit"
)

// newExplain shows one decision of the log.
func newExplain(a *app) *cobra.Command {
	var log string
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Show why a request was answered as it was",
		Long: "Show every verdict about a request, with the file and line that decided. ID is the request id: clients\n" +
			"get it as X-Request-Id, problem documents carry it. Exit code 1 if the decision log does not hold it.",
		Args: cobra.ExactArgs(1),
		RunE: runs(func(_ context.Context, args []string) error {
			files, err := a.decisionLog(log)
			if err != nil {
				return err
			}
			record, notes, err := audit.Find(files, args[0])
			for _, n := range notes {
				fmt.Fprintln(a.stderr, "gatehouse:", n)
			}
			if errors.Is(err, audit.ErrNotFound) {
				return &failure{exitFindings, err}
			}
			if err != nil {
				return err
			}
			if a.json() {
				return audit.WriteJSON(a.stdout, record)
			}
			return audit.Explain(a.stdout, record, audit.ExplainOptions{Color: colour(a.stdout)})
		}),
	}
	logFlag(cmd, &log)
	return cmd
}

func logFlag(cmd *cobra.Command, log *string) {
	cmd.Flags().StringVar(log, "log", "", "the decision log; default: that of the configuration")
	_ = cmd.MarkFlagFilename("log", "jsonl") // the flag was defined above
}

// decisionLog returns the files of the decision log, the oldest first.
func (a *app) decisionLog(path string) ([]string, error) {
	if path == "" {
		c, err := a.setting("decisions")
		if err != nil {
			return nil, err
		}
		path = c.Decisions.File
	}
	return audit.Files(path)
}
