package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/server"
	"github.com/gatehouse/gatehouse/waf"
)

func newWAF(a *app) *cobra.Command {
	return group("waf", "Look at the WAF's rules, and tune them", newWAFTune(a), newWAFRules(a), newWAFCheck(a))
}

// newWAFTune proposes exclusions.
func newWAFTune(a *app) *cobra.Command {
	var since, until string
	var o audit.TuneOptions
	cmd := &cobra.Command{
		Use:   "tune [LOG]",
		Short: "Propose exclusions from the decision log",
		Long: "Count, by API, operation, rule and field, which rules requests met, and propose exclusions where many callers\n" +
			"from several addresses are refused, or would be: there it is the rule that is wrong. Lines with + are to be added\n" +
			"to the configuration, once somebody has looked at the samples. What an address sends that meets many different\n" +
			"rules does not count, and nothing is proposed for a rule that only one address meets.\n" +
			"LOG is the decision log; default: that of the configuration. Exit code 1 if something is proposed.",
		Args: cobra.MaximumNArgs(1),
		RunE: runs(func(_ context.Context, args []string) (err error) {
			now := time.Now()
			if o.Since, err = moment(since, now, -1); err != nil {
				return err
			}
			if o.Until, err = moment(until, now, -1); err != nil {
				return err
			}
			log := ""
			if len(args) > 0 {
				log = args[0]
			}
			files, err := a.decisionLog(log)
			if err != nil {
				return err
			}
			t, err := audit.Tune(files, o)
			if err != nil {
				return err
			}
			list := t.Exclusions()
			if a.json() {
				err = audit.WriteJSON(a.stdout, struct {
					*audit.Tuning
					Exclusions []audit.Exclusion `json:"exclusions"`
				}{t, list})
			} else {
				err = t.WriteText(a.stdout)
			}
			if err == nil && len(list) > 0 {
				return found()
			}
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.API, "api", "", "only this API")
	f.StringVar(&o.Operation, "operation", "", "only this operation, by its id")
	f.IntVar(&o.Callers, "callers", 10, "different callers that must have met a rule at a field")
	f.StringVar(&since, "since", "", "only from then on: 24h (ago), or 2026-01-31T00:00:00Z")
	f.StringVar(&until, "until", "", "only before then")
	return cmd
}

// newWAFRules lists the rules in force.
func newWAFRules(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List the rules in force",
		Long: "List the rules that the configuration loads and that some policy puts in force, with phase, paranoia level,\n" +
			"severity and line. Rules that only set something up are left out.",
		Args: cobra.NoArgs,
		RunE: runs(func(context.Context, []string) error {
			cfg, err := a.loaded()
			if err != nil {
				return err
			}
			rules, highest, err := server.Rules(cfg, filepath.Dir(a.config))
			if err != nil {
				return a.notStarted(err)
			}
			if !all {
				rules = inForce(rules, highest)
			}
			return a.writeRules(rules)
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "those of higher paranoia levels, too")
	return cmd
}

func inForce(rules []waf.Rule, highest int) []waf.Rule {
	kept := rules[:0]
	for _, r := range rules {
		if r.Paranoia <= highest {
			kept = append(kept, r)
		}
	}
	return kept
}

func (a *app) writeRules(rules []waf.Rule) error {
	if a.json() {
		type rule struct {
			ID       string   `json:"id"`
			Phase    int      `json:"phase,omitempty"`
			Paranoia int      `json:"paranoia,omitempty"`
			Severity string   `json:"severity,omitempty"`
			Mode     string   `json:"mode,omitempty"`
			Message  string   `json:"message,omitempty"`
			Tags     []string `json:"tags,omitempty"`
			At       string   `json:"at,omitempty"`
			Opaque   string   `json:"opaque,omitempty"`
		}
		list := []rule{}
		for _, r := range rules {
			out := rule{r.ID, r.Phase, r.Paranoia, r.Severity, "", r.Message, r.Tags, r.At.String(), r.Opaque}
			if r.Mode != gatehouse.Off {
				out.Mode = r.Mode.String()
			}
			list = append(list, out)
		}
		return a.writeJSON(list)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RULE\tPHASE\tPARANOIA\tSEVERITY\tMESSAGE\tAT")
	dash := func(n int) string {
		if n == 0 {
			return "-"
		}
		return strconv.Itoa(n)
	}
	for _, r := range rules {
		at := r.At.String()
		if r.Mode != gatehouse.Off {
			at = r.Mode.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, dash(r.Phase), dash(r.Paranoia), r.Severity, clip(r.Message), at)
	}
	return w.Flush()
}

// clip cuts a message to what fits a column; --output json has the whole.
func clip(s string) string {
	if r := []rune(s); len(r) > 70 {
		return string(r[:69]) + "…"
	}
	return s
}

// newWAFCheck says what is wrong with SecLang files.
func newWAFCheck(a *app) *cobra.Command {
	var strict, alone bool
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check SecLang files, and show which rules cannot be proven",
		Long: "Load SecLang files behind the Core Rule Set, and show what is wrong with them, each with file and line, and which\n" +
			"rules cannot be proven, so that requests go through all rules.\n" +
			"Exit code 2 if they cannot be used, else 1 if there are warnings and --strict is set, else 0.",
		Args: cobra.MinimumNArgs(1),
		RunE: runs(func(_ context.Context, args []string) error {
			rules, ds := server.CheckRules(args, !alone)
			if !ds.HasErrors() {
				a.tell("%s in %s", count(rules, "rule"), count(len(args), "file"))
			}
			return a.validated(args[0], ds, strict)
		}),
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings fail, too")
	cmd.Flags().BoolVar(&alone, "alone", false, "without the Core Rule Set")
	return cmd
}
