package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/server"
)

// newRun serves until SIGTERM or SIGINT; SIGHUP reloads.
func newRun(a *app) *cobra.Command {
	var watch, drain time.Duration
	cmd := &cobra.Command{
		Use:   "run [FILE]",
		Short: "Guard the APIs of the configuration",
		Long: "Guard the APIs of the configuration until told to stop.\n\n" +
			"SIGHUP, a changed file or gatehouse reload read the configuration again: a wrong one is reported and the\n" +
			"last good one stays. SIGTERM and SIGINT drain: what is under way ends, then the gateway stops.",
		Args: cobra.MaximumNArgs(1),
		RunE: runs(func(ctx context.Context, args []string) error {
			a.named(args)
			go server.SpareCollector(ctx)
			log, level := server.NewLog(a.stderr)
			var started atomic.Bool
			s, err := server.Start(context.WithoutCancel(ctx), server.Options{ConfigPath: a.config, Log: log, Level: level,
				Version: thisBuild().Version, Watch: watch, Drain: drain, Warn: func(ds config.Diagnostics) {
					if started.Load() && !terminal(a.stderr) {
						logDiagnostics(log, ds) // by then standard error is a log that programs read
						return
					}
					_ = ds.WriteText(a.stderr, colour(a.stderr)) // where errors go there is nowhere to tell of an error
				}})
			if err != nil {
				return a.notStarted(err)
			}
			started.Store(true)
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP)
			defer signal.Stop(hup)
			stopped := make(chan struct{})
			go func() { s.Wait(); close(stopped) }()
			for {
				select {
				case <-hup:
					_ = s.Reload(ctx) // it has logged why
				case <-ctx.Done():
					s.Stop()
					return nil
				case <-stopped: // drained over the socket
					return nil
				}
			}
		}),
	}
	cmd.Flags().DurationVar(&watch, "watch", 2*time.Second, "how often the files are looked at for changes; 0 for never")
	cmd.Flags().DurationVar(&drain, "drain", 30*time.Second, "how long requests under way may take when the gateway stops")
	return cmd
}

// logDiagnostics writes what was said of a configuration as lines of the log.
func logDiagnostics(log *slog.Logger, ds config.Diagnostics) {
	for _, d := range ds {
		level := slog.LevelWarn
		if d.Severity == config.Error {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, d.Message, "code", d.Code, "at", d.At.String(), "hint", d.Hint)
	}
}

// notStarted tells a wrong configuration, with its source line, from a failure of
// the machine's.
func (a *app) notStarted(err error) error {
	if _, told := err.(config.Diagnostics); told {
		return &failure{exitUsage, nil} // Warn has printed them
	}
	if ds := config.Explain(err, filepath.Dir(a.config)); atFile(ds) {
		_ = ds.WriteText(a.stderr, colour(a.stderr))
		return &failure{exitUsage, nil}
	}
	return err
}

// atFile reports whether a diagnostic names a place in a file a person wrote.
func atFile(ds config.Diagnostics) bool {
	for _, d := range ds {
		if d.At.Line > 0 {
			return true
		}
	}
	return false
}
