package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gatehouse/gatehouse"
)

// Env is what a configuration may read besides its own text. The zero value is
// the process's environment and the file system.
type Env struct {
	// LookupEnv returns the value of an environment variable.
	LookupEnv func(name string) (string, bool)
	// ReadFile returns a file's content; one larger than limit bytes is an error.
	ReadFile func(path string, limit int64) ([]byte, error)
	// Glob returns the files that match a pattern, sorted.
	Glob func(pattern string) ([]string, error)
}

func (e Env) lookupEnv(name string) (string, bool) {
	if e.LookupEnv != nil {
		return e.LookupEnv(name)
	}
	return os.LookupEnv(name)
}

func (e Env) glob(pattern string) ([]string, error) {
	if e.Glob != nil {
		return e.Glob(pattern)
	}
	return filepath.Glob(pattern)
}

func (e Env) readFile(path string, limit int64) ([]byte, error) {
	if e.ReadFile != nil {
		return e.ReadFile(path, limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("larger than %d KiB", limit>>10)
	}
	return b, nil
}

// readRegular is readFile for what must be a file: a pipe or a terminal would keep
// a reload waiting, and a device has no end. It follows links.
func (e Env) readRegular(path string, limit int64) ([]byte, error) {
	if e.ReadFile == nil {
		if info, err := os.Stat(path); err != nil {
			return nil, err
		} else if !info.Mode().IsRegular() {
			return nil, errors.New("not a regular file")
		}
	}
	return e.readFile(path, limit)
}

// cause returns the essence of a file system error, without the path that the
// message names already.
func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// A loader reads one configuration.
type loader struct {
	env    Env
	report *reporter
	source *source
	nodes  int
	seen   map[*node]bool
	// unresolved are scalars whose reference failed: nothing more is said of them.
	unresolved []*node
}

// Load reads the configuration in the file at path. The Config is usable only if
// the Diagnostics have no errors; it is nil if there is not even a tree to speak
// of.
func Load(path string, env Env) (*Config, Diagnostics) {
	src, err := env.readFile(path, maxFileBytes)
	if err != nil {
		return nil, Diagnostics{{Severity: Error, Code: "config.read", Message: "cannot read " + path,
			Hint: cause(err), At: gatehouse.Position{File: path}}}
	}
	return Parse(path, src, env)
}

// Parse is Load for a text at hand; name is its path, in messages and as the
// base of relative paths.
func Parse(name string, src []byte, env Env) (*Config, Diagnostics) {
	main := newFile(name, filepath.Dir(name), src)
	l := &loader{env: env, seen: map[*node]bool{}, source: &source{main: main}}
	l.report = &reporter{source: l.source, order: map[string]int{name: 0}}
	l.remember(name)
	c := l.load(main)
	l.report.list.sort(l.report.order)
	return c, l.report.list
}

func (l *loader) load(main *file) *Config {
	root := parse(main, l.report, &l.nodes)
	if root == nil || root.kind != mapping {
		if !l.report.list.HasErrors() {
			l.report.at(main, 1, 1, 1, "config.empty", "the file holds no configuration", "it begins with: version: 1")
		}
		return nil
	}
	l.source.root = root
	l.include(root)
	l.expand(root, "")

	c := &Config{source: l.source}
	d := &decoder{report: l.report, ignore: l.unresolved}
	d.into(root, c)
	l.checkSecrets(root, "")
	filled := c.WithDefaults()
	filled.hash = l.hash(&filled)
	filled.resolvePaths()
	l.check(&filled)
	return &filled
}

// remember notes that a file is part of the configuration.
func (l *loader) remember(path string) {
	if !slices.Contains(l.source.read, path) {
		l.source.read = append(l.source.read, path)
	}
}
