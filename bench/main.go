package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == wafMemoryCommand {
		if err := wafMemory(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(3)
		}
		return
	}
	os.Exit(run(os.Args[1:]))
}

// A bench is what the measures share.
type bench struct {
	gatehouse string // the binary under test
	dir       string // for everything that is written on the way
	cpus      processors
	rounds    int
	length    time.Duration // of one round of load
	warm      time.Duration // before the first
}

func run(args []string) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	binary := flags.String("gatehouse", "../bin/gatehouse", "the gatehouse binary to measure")
	only := flags.String("only", "", "measure only what matches this regular expression")
	out := flags.String("out", "results.json", "where the results are written")
	rounds := flags.Int("rounds", 12, "rounds of each server comparison")
	length := flags.Duration("length", time.Second, "length of one round of load, whole seconds")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	pick, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 25*time.Minute)
	defer cancel()
	b := &bench{rounds: *rounds, length: *length, warm: 3 * time.Second}
	code, err := b.all(ctx, *binary, pick, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 3
	}
	return code
}

// all runs the chosen measures, prints the table and writes the results.
func (b *bench) all(ctx context.Context, binary string, pick *regexp.Regexp, out string) (int, error) {
	var err error
	if b.gatehouse, err = filepath.Abs(binary); err != nil {
		return 0, err
	}
	if b.cpus, err = twoProcessors(); err != nil {
		return 0, err
	}
	if b.dir, err = os.MkdirTemp("", "gatehouse-bench-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(b.dir)

	code := 0
	var results []result
	for _, m := range measures() {
		if !pick.MatchString(m.name) {
			continue
		}
		start := time.Now()
		r, err := m.run(ctx, b)
		if ctx.Err() != nil {
			return 0, errors.Join(ctx.Err(), err)
		}
		r.measure, r.err = m, err
		fmt.Fprintf(os.Stderr, "%-32s %5.1f s\n", m.name, time.Since(start).Seconds())
		results = append(results, r)
		switch {
		case err != nil:
			code = 3
		case !r.ok() && code == 0:
			code = 1
		}
	}
	printTable(os.Stdout, b, results)
	return code, writeResults(out, results)
}
