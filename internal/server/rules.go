package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/telemetry"
	"github.com/gatehouse/gatehouse/waf"
)

// ruleSet is the rules of one configuration, which all APIs share. An assembly hands
// it on to the next one where nothing has changed that it was made of.
type ruleSet struct {
	*waf.WAF
	key   string // of the section, the policies and the files
	files *ruleFiles
}

// inspection is the controls of one operation.
type inspection struct{ request, response gatehouse.Control }

// openRules makes the rules of the section waf, or takes over those of the assembly
// before, and the controls of every operation.
func (a *assembly) openRules(before *assembly) error {
	if a.cfg.WAF == nil {
		return nil
	}
	cfg := *a.cfg.WAF
	files := &ruleFiles{dir: a.dir}
	cfg.Rules.Before, cfg.Rules.After = files.names(cfg.Rules.Before), files.names(cfg.Rules.After)
	policies, bounds := a.wafPolicies(), a.bounds()
	if before != nil && before.rules != nil && before.rules.key == ruleKey(cfg, policies, bounds, before.rules.files) {
		a.rules = before.rules
	} else {
		w, err := waf.New(cfg, waf.Options{Files: files, Policies: slices.Collect(maps.Values(policies)), Bounds: bounds, Budgets: a.budgets(), Spare: a.spare(), Report: a.mismatch})
		if err != nil {
			return a.rulesAt(files, err)
		}
		a.rules = &ruleSet{WAF: w, key: ruleKey(cfg, policies, bounds, files), files: files}
		a.opened = true
	}
	a.identifyRules()
	if err := a.rules.Distrust(); err != nil {
		a.warnRules(fmt.Sprintf("nothing is proven, and every request goes through all rules: %v", err))
	}
	return a.inspections(policies)
}

func (a *assembly) budgets() *waf.Budgets {
	if a.state == nil {
		return nil
	}
	return a.state.budgets
}

func (a *assembly) spare() func(bool) {
	if a.state == nil {
		return nil
	}
	return a.state.cpus.spare
}

// mismatch is told of a proof that was wrong: a defect of Gatehouse.
func (a *assembly) mismatch(m waf.Mismatch) {
	a.log.Error("a request that was proven harmless matches rules: please report it", "rules", m.Rules, "score", m.Score, "blocks", m.Blocks, "error", m.Err)
}

// wafPolicies are the policies of all operations.
func (a *assembly) wafPolicies() map[*gatehouse.Operation]waf.Policy {
	out := map[*gatehouse.Operation]waf.Policy{}
	for i := range a.cfg.APIs {
		c := &a.cfg.APIs[i]
		for _, s := range a.served[c] {
			var own *waf.Policy
			if s.cfg != nil {
				own = s.cfg.WAF
			}
			out[s.op] = a.cfg.WAFPolicy(c.WAF, own)
		}
		if op := a.catchAll[c]; op != nil {
			out[op] = a.cfg.WAFPolicy(c.WAF)
		}
	}
	return out
}

// inspections makes the controls of every operation.
func (a *assembly) inspections(policies map[*gatehouse.Operation]waf.Policy) error {
	a.inspected = map[*gatehouse.Operation]inspection{}
	unprovable := map[string]bool{}
	add := func(c *config.API, op *gatehouse.Operation, o *config.Operation) error {
		limit := a.cfg.LimitsHTTP.BodyBytes
		if c.BodyBytes > 0 {
			limit = c.BodyBytes
		}
		opts := waf.ControlOptions{Bounded: contractHeld}
		if o != nil {
			if o.BodyBytes > 0 {
				limit = o.BodyBytes
			}
			opts.Streams = slices.Contains(o.Stream, "upload") || slices.Contains(o.Stream, "grpc")
		}
		opts.BodyBytes = int64(limit)
		var in inspection
		var err error
		if in.request, in.response, err = a.rules.Controls(policies[op], opts); err != nil {
			return err
		}
		a.inspected[op] = in
		if g, err := a.rules.Guard(policies[op]); err == nil && a.rules.Distrust() == nil && g.Unprovable() != "" && !unprovable[g.Unprovable()] {
			unprovable[g.Unprovable()] = true
			a.warnRules(fmt.Sprintf("under the policy of %s nothing is proven, and every request goes through all rules: %s", op.Endpoint, g.Unprovable()))
		}
		return nil
	}
	for i := range a.cfg.APIs {
		c := &a.cfg.APIs[i]
		for _, s := range a.served[c] {
			if err := add(c, s.op, s.cfg); err != nil {
				return a.at("waf", err)
			}
		}
		if op := a.catchAll[c]; op != nil {
			if err := add(c, op, nil); err != nil {
				return a.at("waf", err)
			}
		}
	}
	return nil
}

func (a *assembly) warnRules(message string) {
	a.warnings = append(a.warnings, config.Diagnostic{Severity: config.Warning, Code: "waf.unprovable", Message: message,
		Hint: "gatehouse waf check says which rules do this", At: a.cfg.At("waf"), Path: "waf"})
}

// rulesAt gives errors of the rules their places: a line of a file, or the section.
func (a *assembly) rulesAt(files *ruleFiles, err error) error {
	var out []error
	for _, err := range each(err) {
		e, ok := err.(*gatehouse.Error)
		if !ok || e.At.Line == 0 {
			out = append(out, a.at("waf", err))
			continue
		}
		own := *e
		own.At.File = files.shown(e.At.File)
		out = append(out, &own)
	}
	return errors.Join(out...)
}

// identifyRules makes the files part of what the configuration's hash stands for, and
// of what is looked at for changes.
func (a *assembly) identifyRules() {
	h := sha256.New()
	fmt.Fprintf(h, "%s rules\n", a.hash)
	for _, name := range a.rules.files.read() {
		fmt.Fprintf(h, "%q %s\n", name, a.rules.files.sum(name))
		a.files = append(a.files, a.rules.files.path(name))
	}
	a.hash = hex.EncodeToString(h.Sum(nil)[:8])
}

// ruleKey is the same for rules made of the same things.
func ruleKey(cfg waf.Config, policies map[*gatehouse.Operation]waf.Policy, bounds waf.Bounds, files *ruleFiles) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	_ = enc.Encode(cfg) // of our own types
	_ = enc.Encode(bounds)
	texts := map[string]bool{}
	for _, p := range policies {
		t, _ := json.Marshal(p)
		texts[string(t)] = true
	}
	for _, t := range slices.Sorted(maps.Keys(texts)) {
		fmt.Fprintln(h, t)
	}
	for _, name := range files.read() {
		fmt.Fprintf(h, "%q %s\n", name, files.sum(name))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ruleFiles is the file system that the names of SecLang files are looked up in: the
// folder of the configuration, and, below @root, everything. It remembers what was
// read.
type ruleFiles struct {
	dir  string
	mu   sync.Mutex
	seen map[string]bool
}

// rootDir stands before the names of files that are not below the configuration's
// folder.
const rootDir = "@root"

// names spells the configuration's names as those of this file system.
func (f *ruleFiles) names(list []string) []string {
	dir, err := filepath.Abs(f.dir)
	out := make([]string, len(list))
	for i, name := range list {
		full := name
		if !filepath.IsAbs(name) {
			full = filepath.Join(dir, name)
		}
		rel, relErr := filepath.Rel(dir, full)
		switch {
		case err != nil || relErr != nil:
			out[i] = filepath.ToSlash(name)
		case filepath.IsLocal(rel):
			out[i] = filepath.ToSlash(rel)
		default:
			out[i] = rootDir + "/" + strings.TrimPrefix(filepath.ToSlash(full), "/")
		}
	}
	return out
}

// path is where a file of this file system is.
func (f *ruleFiles) path(name string) string {
	if rest, ok := strings.CutPrefix(name, rootDir+"/"); ok {
		return filepath.FromSlash("/" + rest)
	}
	return filepath.Join(f.dir, filepath.FromSlash(name))
}

// shown is how a file's name is told to people.
func (f *ruleFiles) shown(name string) string {
	if strings.HasPrefix(name, "@") && !strings.HasPrefix(name, rootDir+"/") {
		return name // of the Core Rule Set
	}
	return f.path(name)
}

// Open implements fs.FS.
func (f *ruleFiles) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[name] = true
	return file, nil
}

// read lists what has been opened.
func (f *ruleFiles) read() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.seen))
}

// sum stands for the content of a file, or for the names in a folder.
func (f *ruleFiles) sum(name string) string {
	h := sha256.New()
	path := f.path(name)
	if entries, err := os.ReadDir(path); err == nil {
		for _, e := range entries {
			fmt.Fprintf(h, "%q\n", e.Name())
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	file, err := os.Open(path)
	if err != nil {
		return "unreadable"
	}
	defer file.Close()
	if _, err := io.Copy(h, io.LimitReader(file, maxRulesFile)); err != nil {
		return "unreadable"
	}
	return hex.EncodeToString(h.Sum(nil))
}

// maxRulesFile bounds what is read of a file to see whether it has changed.
const maxRulesFile = 64 << 20

// closeRules frees the rules that this assembly has made.
func (a *assembly) closeRules() {
	if a.opened && a.rules != nil {
		a.rules.Close()
	}
}

// ruleCounts are the counts over all configurations of this process.
type ruleCounts struct {
	mu      sync.Mutex
	gone    waf.Stats // of rules that were replaced
	current *ruleSet
}

// follow counts what next sees from now on.
func (c *ruleCounts) follow(next *ruleSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && c.current != next {
		c.gone = sum(c.gone, c.current.Stats())
	}
	c.current = next
}

func (c *ruleCounts) counts() telemetry.Rules {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return telemetry.Rules(c.gone)
	}
	return telemetry.Rules(sum(c.gone, c.current.Stats()))
}

func sum(a, b waf.Stats) waf.Stats {
	return waf.Stats{Proven: a.Proven + b.Proven, Replayed: a.Replayed + b.Replayed, Refused: a.Refused + b.Refused,
		Shadowed: a.Shadowed + b.Shadowed, Mismatches: a.Mismatches + b.Mismatches}
}

// handOver makes next the owner of the rules, and frees those that nobody goes by any
// more. Exchanges that began before the swap go on with them.
func handOver(before, next *assembly) {
	next.state.rules.follow(next.rules)
	if before.rules != next.rules {
		before.closeRules()
	}
	before.opened, next.opened = false, next.rules != nil
}
