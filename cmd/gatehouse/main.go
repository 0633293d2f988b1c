// Command gatehouse is a security gateway for HTTP APIs.
//
// Exit codes: 0 clean, 1 findings or a difference, 2 wrong usage or
// configuration, 3 failed at run time. Data goes to standard output, everything
// else to standard error. Colours are left out where NO_COLOR is set or the
// output is no terminal.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// Exit codes.
const (
	exitFindings = 1
	exitUsage    = 2 // or a wrong configuration
	exitRuntime  = 3
)

// An app is what every word has in common.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	config string // --config
	output string // --output
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	return a.exit(root.ExecuteContext(ctx))
}

// root lists the words. A new one is a file with a constructor that takes the
// functions it needs, and a line here.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "gatehouse",
		Short:         "A security gateway for HTTP APIs",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.CompletionOptions.HiddenDefaultCmd = false
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "gatehouse.yaml", "the configuration file")
	flags.StringVar(&a.output, "output", "text", "text or json")
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml") // the flag was defined above
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.output != "text" && a.output != "json" {
			return usage("--output is text or json, not %q", a.output)
		}
		return nil
	}
	root.AddCommand(
		newRun(a),
		newReload(a),
		newDrain(a),
		newStatus(a),
		newRoutes(a),
		newWhoCan(a),
		newWhatCan(a),
		newDemo(a),
		newValidate(a),
		newContract(a),
		newWAF(a),
		newFmt(a, config.Format),
		newSchema(a, config.Schema),
		newExplain(a),
		newReport(a),
		newToken(a),
		newKeys(a),
		newVersion(a),
	)
	return root
}

// A failure is an error with the exit code it becomes. One without a cause was
// told already.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

func usage(format string, args ...any) error { return &failure{exitUsage, fmt.Errorf(format, args...)} }

// found is the exit of a word that found something.
func found() error { return &failure{exitFindings, nil} }

// runs makes the function of a word one of cobra's. What it fails with is a
// failure at run time, if it says nothing else; cobra's own errors are usage.
func runs(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd.Context(), args)
		var known *failure
		if err == nil || errors.As(err, &known) {
			return err
		}
		return &failure{exitRuntime, err}
	}
}

// exit prints what went wrong and returns the exit code.
func (a *app) exit(err error) int {
	if err == nil {
		return 0
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{exitUsage, err}
	}
	if f.err != nil {
		fmt.Fprintln(a.stderr, "gatehouse:", f.err)
		if f.code == exitUsage {
			fmt.Fprintln(a.stderr, "try gatehouse --help")
		}
	}
	return f.code
}

// group is a word that only has words below it.
func group(use, short string, words ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q for %q", args[0], "gatehouse "+use)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("%s needs a word more; see gatehouse %s --help", use, use)
		}}
	cmd.AddCommand(words...)
	return cmd
}
