package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
)

// maxSource bounds what fmt reads.
const maxSource = 16 << 20

// newFmt lays configuration files out in their canonical form; format does it.
func newFmt(a *app, format func(src []byte) ([]byte, error)) *cobra.Command {
	var write, check bool
	cmd := &cobra.Command{
		Use:   "fmt [FILE...]",
		Short: "Lay out configuration files in their canonical form",
		Long: "Lay out configuration files in their canonical form: two spaces a level, comments kept and aligned.\n" +
			"Values, quotes and order stay as they are. Without FILE it is the file of --config; - stands for standard input.",
		RunE: runs(func(_ context.Context, args []string) error {
			if write && check {
				return usage("-w and --check exclude each other")
			}
			if len(args) == 0 {
				args = []string{a.config}
			}
			differ := false
			var errs []error
			for _, name := range args {
				changed, err := a.format(name, format, write, check)
				differ = differ || changed
				errs = append(errs, err)
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			if check && differ {
				return found()
			}
			return nil
		}),
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the result back to the file")
	cmd.Flags().BoolVar(&check, "check", false, "only list files that would change; exit code 1 if there are any")
	return cmd
}

func (a *app) format(name string, format func([]byte) ([]byte, error), write, check bool) (changed bool, err error) {
	src, err := a.source(name)
	if err != nil {
		return false, err
	}
	out, err := format(src)
	if err != nil {
		var e *gatehouse.Error
		if errors.As(err, &e) {
			e.At.File = name
		}
		return false, &failure{exitUsage, err}
	}
	changed = !bytes.Equal(src, out)
	switch {
	case check:
		if changed {
			fmt.Fprintln(a.stdout, name)
		}
	case !write || name == "-":
		_, err = a.stdout.Write(out)
	case changed:
		err = replace(name, out)
	}
	return changed, err
}

func (a *app) source(name string) ([]byte, error) {
	in := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &failure{exitUsage, err}
		}
		defer f.Close()
		in = f
	}
	src, err := io.ReadAll(io.LimitReader(in, maxSource+1))
	if err == nil && len(src) > maxSource {
		err = fmt.Errorf("%s is too large", name)
	}
	return src, err
}

// replace writes a file so that it is either the old or the new one, whatever
// happens meanwhile.
func replace(name string, data []byte) (err error) {
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".gatehouse-fmt-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, werr := f.Write(data)
	if err := errors.Join(werr, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
