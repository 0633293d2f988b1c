package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/audit"
)

func newReport(a *app) *cobra.Command {
	return group("report", "Report from the decision log", newWouldBlock(a))
}

// newWouldBlock says what the controls in monitor would have refused.
func newWouldBlock(a *app) *cobra.Command {
	var log, since, until string
	var filter audit.Filter
	cmd := &cobra.Command{
		Use:   "would-block",
		Short: "Show what enforcing would refuse that goes through now",
		Long: "Count, by API, operation, control and reason, what controls in monitor would have refused.\n" +
			"Exit code 1 if there is any.",
		Args: cobra.NoArgs,
		RunE: runs(func(context.Context, []string) (err error) {
			now := time.Now()
			if filter.Since, err = moment(since, now, -1); err != nil {
				return err
			}
			if filter.Until, err = moment(until, now, -1); err != nil {
				return err
			}
			files, err := a.decisionLog(log)
			if err != nil {
				return err
			}
			report, err := audit.WouldBlock(files, filter)
			if err != nil {
				return err
			}
			if a.json() {
				err = audit.WriteJSON(a.stdout, report)
			} else {
				err = report.WriteText(a.stdout)
			}
			if err == nil && report.WouldBlock > 0 {
				return found()
			}
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&filter.API, "api", "", "only this API")
	f.StringVar(&filter.Operation, "operation", "", "only this operation, by its id")
	f.StringVar(&filter.Control, "control", "", "only this control")
	f.StringVar(&since, "since", "", "only from then on: 24h (ago), or 2026-01-31T00:00:00Z")
	f.StringVar(&until, "until", "", "only before then")
	logFlag(cmd, &log)
	return cmd
}
