package waf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/expression"
	"github.com/gatehouse/gatehouse/waf/payload"
	"github.com/gatehouse/gatehouse/waf/screen"
	"github.com/gatehouse/gatehouse/waf/seclang"
)

// A WAF is a set of rules and what proves that none of them matches. All APIs,
// operations and paranoia levels share one; a Guard holds what differs.
type WAF struct {
	reference *reference
	index     *screen.Index
	// distrust says why nothing is proven: the rules were not read as the engine
	// reads them. It is nil where all is well.
	distrust error

	exclusions catalogue
	bounds     []string
	payload    *payload.Inspector
	replays    *replays
	quotes     quotes
	shadow     shadow
	responses  bool
	answers    answers
	known      map[int]ruleInfo // the rules by their ids

	mu     sync.Mutex
	guards map[string]*Guard // by profile

	stats counters
}

// Options are what a WAF needs to know beside its configuration.
type Options struct {
	// Files resolves the names of SecLang files.
	Files fs.FS
	// Policies are all the policies that Guard will be asked for.
	Policies []Policy
	// Budgets keeps what callers have used up, across reloads; nil makes a new one.
	Budgets *Budgets
	// Bounds are what the contracts leave open of arguments.
	Bounds Bounds
	// Spare is told when requests begin to go through all rules, and when they have not
	// for a second: each may take a processor for a tenth of one. It may be nil.
	Spare func(on bool)
	// Report is told of a request that was proven harmless wrongly. It may be nil.
	Report func(Mismatch)
}

// Bounds are what schemas say of values. Nothing is taken from a type alone: what is
// proven is proven about the texts.
type Bounds struct {
	// Values are all the values that some arguments may have.
	Values []string
	// Patterns are expressions, anchored at both ends, of the whole value of others.
	Patterns []string
}

// classes are the sets of bytes that the patterns' matches consist of.
func (b *Bounds) classes() []expression.Bytes {
	var out []expression.Bytes
	for _, p := range b.Patterns {
		if set, _, ok := expression.Alphabet(p); ok && set.Len() < 128 && !slices.Contains(out, set) && len(out) < maxClasses {
			out = append(out, set)
		}
	}
	return out
}

// maxClasses bounds the sets of bytes that are looked through for each text.
const maxClasses = 16

// New loads the rules and compiles the screen. The configuration is one with
// defaults, and valid.
func New(cfg Config, o Options) (*WAF, error) {
	w := &WAF{guards: map[string]*Guard{}, responses: cfg.Rules.Responses, bounds: o.Bounds.Values}
	for _, p := range append([]Policy{cfg.Policy}, o.Policies...) {
		w.exclusions.profile(p)
	}
	files := layered{coreruleset.FS, generation{o.Files, fmt.Sprintf("rules-%d/", generations.Add(1))}}
	text := cfg.Rules.directives(&w.exclusions, files[1].(generation).prefix)
	// Read comes first: it keeps account of the lists of phrases that the engine
	// remembers from set to set.
	program, unread := seclang.Read(files, text+gatewaySettings)
	if program != nil && strings.EqualFold(program.Settings["secrxprefilter"], "on") {
		return nil, &gatehouse.Error{Code: "waf.directives_invalid", Message: "SecRxPreFilter cannot be turned on", Hint: "the screen does its work"}
	}
	var err error
	prefix := files[1].(generation).prefix
	unread = unplaced(unread, prefix)
	if w.reference, err = newReference(files, text); err != nil {
		return nil, loadFailure(err, unread)
	}
	if w.payload, err = payload.New(cfg.Payload); err != nil {
		w.reference.close()
		return nil, err
	}
	var settings map[string]string
	if program != nil {
		settings = program.Settings
	}
	w.answers.limit, w.known = responseLimit(settings), knownRules(program, prefix)
	if err = unread; err == nil {
		err = program.Check(w.reference.rules)
	}
	if err == nil {
		w.index, err = screen.NewIndex(program, screen.Options{Carried: func(id int) bool { return slices.Contains(parserRules, id) }, Classes: o.Bounds.classes()})
	}
	w.distrust = err
	w.reference.alone = program == nil || races(program)
	w.replays, w.quotes = newReplays(cfg.Replay, o.Budgets), newQuotes(program)
	w.replays.spare.tell = o.Spare
	w.shadow = newShadow(w, cfg.Shadow, o.Report)
	return w, nil
}

// Distrust returns why the screen proves nothing, and every request goes through
// all rules; nil where all is well.
func (w *WAF) Distrust() error { return w.distrust }

// Close frees the rules. Requests under way go on.
func (w *WAF) Close() {
	w.shadow.close()
	w.replays.threads.close()
	w.reference.close()
}

// A Guard judges by one policy.
type Guard struct {
	waf     *WAF
	profile map[string]string
	screen  *screen.Screen // nil where nothing can be proven
}

// Guard returns the Guard of a policy, the same one for equal policies. Its
// exclusions must be among those that New was told.
func (w *WAF) Guard(p Policy) (*Guard, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := len(w.exclusions.texts)
	profile := w.exclusions.profile(p)
	if len(w.exclusions.texts) != known {
		return nil, &gatehouse.Error{Code: "waf.policy", Message: "the exclusions of a policy are not among those that were loaded"}
	}
	k := key(profile)
	if g := w.guards[k]; g != nil {
		return g, nil
	}
	g := &Guard{waf: w, profile: profile}
	if w.index != nil && w.distrust == nil {
		g.screen = w.index.Compile(profile)
		g.screen.Bound(w.bounds)
	}
	w.guards[k] = g
	return g, nil
}

// Unprovable says why no request is ever proven under this policy, "" where that is
// not so.
func (g *Guard) Unprovable() string {
	switch {
	case g.screen == nil:
		return g.waf.distrust.Error()
	case g.screen.Unprovable != "":
		return g.screen.Unprovable
	}
	return ""
}

// An Inspection is one exchange under inspection. It is for one goroutine.
type Inspection struct {
	guard  *Guard
	caller Caller
	parsed *transaction // the screen's
	proof  *screen.Proof
	full   *transaction // the reference's, where the request had to go there
	// Proven says that no rule can match, and the reference was not asked.
	Proven bool
	// Failed is the rule that could not be proven dead, 0 where all were.
	Failed int
}

// Inspect judges a request. The error says that there is no verdict; its Status
// tells whether the caller has used up its budget (429) or nobody can tell (503).
// The Inspection is to be closed, whatever the error.
func (g *Guard) Inspect(ctx context.Context, m *Message, by Caller) (*Inspection, Result, error) {
	in := &Inspection{guard: g, caller: by}
	if err := tooManyParts(m); err != nil {
		return in, Result{}, err
	}
	proven, err := in.prove(ctx, m)
	if err != nil {
		return in, Result{}, err
	}
	if proven {
		in.Proven = true
		g.waf.stats.proven.Add(1)
		g.waf.shadow.sample(g, m)
		return in, Result{Phase: 2}, nil
	}
	g.waf.stats.replayed.Add(1)
	in.release()
	var res Result
	if m.size() > int(g.waf.replays.cfg.Bytes) {
		g.waf.replays.refused.Add(1)
		return in, Result{}, errCostly
	}
	err = g.waf.replays.run(ctx, by, func() error {
		var err error
		in.full, res, err = g.waf.reference.open(ctx, g.profile, m)
		return err
	})
	if err != nil {
		return in, Result{}, err
	}
	return in, res, nil
}

// prove asks the screen.
func (in *Inspection) prove(ctx context.Context, m *Message) (ok bool, err error) {
	s, w := in.guard.screen, in.guard.waf
	blind, long := s == nil || s.Unprovable != "", w.quotes.concerns(m)
	if blind && !long && len(m.Body) == 0 {
		return false, nil
	}
	if in.parsed, err = w.reference.parse(ctx, m); err != nil {
		return false, err
	}
	var refused error
	err = in.parsed.guard(func() error {
		if in.parsed.drops(m) {
			refused = errAmbiguous
			return nil
		}
		many := false
		if long {
			many, refused = w.quotes.check(m, in.parsed.state().Variables())
		}
		if many || blind {
			return nil
		}
		in.proof = s.Begin(in.parsed.state())
		in.proof.Bounded = m.Bounded
		if !in.parsed.settled(m) {
			return nil
		}
		if ok = in.proof.Request(); !ok {
			in.Failed = in.proof.Failed()
		}
		ok = ok && scoreless(in.proof, false)
		return nil
	})
	if refused != nil {
		err = refused
	}
	return ok, err
}

// scoreless reports whether a proof leaves the scores at 0: rules that do not log may
// have added to them.
func scoreless(p *screen.Proof, answered bool) bool {
	for _, name := range []string{"blocking_inbound_anomaly_score", "blocking_outbound_anomaly_score"} {
		for _, v := range p.TX(name, answered) {
			if score([]string{v}) != 0 {
				return false
			}
		}
	}
	return true
}

// Answers reports whether answers are inspected at all.
func (g *Guard) Answers() bool { return g.waf.responses }

// InspectsBody reports whether the body of an answer is to be held back until it is
// judged; contentType is its last field of that name.
func (in *Inspection) InspectsBody(contentType string) bool {
	t := in.full
	if t == nil {
		t = in.parsed
	}
	w := in.guard.waf
	return w.responses && t != nil && t.tx != nil && t.tx.IsResponseBodyAccessible() && w.answers.judges(w.reference, contentType)
}

// Answer judges the answer; m is the message of Inspect with the answer filled in.
func (in *Inspection) Answer(ctx context.Context, m *Message) (Result, error) {
	if !in.guard.waf.responses {
		return Result{}, nil
	}
	w := in.guard.waf
	if in.full != nil {
		var res Result
		err := w.replays.finish(ctx, in.caller, func() (err error) {
			res, err = in.full.answer(m)
			return err
		})
		return res, err
	}
	if in.proof != nil && in.parsed != nil {
		res, err := in.parsed.answer(m)
		if err != nil {
			return Result{}, err
		}
		ok := false // a limit of the rules may interrupt, too
		if err := in.parsed.guard(func() error {
			ok = res.Interruption == nil && in.proof.Answer() && scoreless(in.proof, true)
			return nil
		}); err != nil {
			return Result{}, err
		}
		if ok {
			return Result{Phase: 4}, nil
		}
		in.Failed = in.proof.Failed()
	}
	in.Proven = false
	in.release()
	if m.size() > int(w.replays.cfg.Bytes) { // the request would go through all rules first
		w.replays.refused.Add(1)
		return Result{}, errCostly
	}
	var res Result
	err := w.replays.finish(ctx, in.caller, func() (err error) {
		if in.full, res, err = w.reference.open(ctx, in.guard.profile, m); err == nil && res.Interruption == nil {
			res, err = in.full.answer(m)
		}
		return err
	})
	return res, err
}

// Close ends the inspection.
func (in *Inspection) Close() {
	in.release()
	if in.full != nil {
		_ = in.full.close()
	}
}

// release gives back what the screen used.
func (in *Inspection) release() {
	if in.proof != nil {
		in.proof.Close()
		in.proof = nil
	}
	if in.parsed != nil {
		_ = in.parsed.close() // nothing was judged by it that still matters
		in.parsed = nil
	}
}

// Stats are counts since New.
type Stats struct {
	Proven     int64 `json:"proven"`     // requests that no rule could match
	Replayed   int64 `json:"replayed"`   // requests that went through all rules
	Refused    int64 `json:"refused"`    // of those, refused for want of budget or room
	Shadowed   int64 `json:"shadowed"`   // proven requests that were checked
	Mismatches int64 `json:"mismatches"` // of those, wrongly proven
}

type counters struct{ proven, replayed atomic.Int64 }

// Stats returns the counts.
func (w *WAF) Stats() Stats {
	return Stats{Proven: w.stats.proven.Load(), Replayed: w.stats.replayed.Load(), Refused: w.replays.refused.Load(),
		Shadowed: w.shadow.checked.Load(), Mismatches: w.shadow.wrong.Load()}
}

// layered looks names up in the first file system that has them.
type layered []fs.FS

func (l layered) Open(name string) (f fs.File, err error) {
	err = fs.ErrNotExist
	for _, fsys := range l {
		if f, err = fsys.Open(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, err
}

// races reports whether a ctl action takes targets out of a rule whose list of
// exceptions has room for more: the engine appends to the list it shares between
// transactions, and two at once could see each other's exceptions.
func races(p *seclang.Program) bool {
	roomy := map[string]bool{}
	for i := range p.Rules {
		for j := range p.Rules[i].Links {
			for _, t := range p.Rules[i].Links[j].Targets {
				if n := len(t.Except); n > 2 && n&(n-1) != 0 { // lists double as they grow
					roomy[t.Variable] = true
				}
			}
		}
	}
	for i := range p.Rules {
		for j := range p.Rules[i].Links {
			for _, a := range p.Rules[i].Links[j].Actions {
				if c, err := a.Control(); a.Name == "ctl" && (err != nil || roomy[c.Variable]) {
					return true
				}
			}
		}
	}
	return false
}

// generations counts the sets of rules of this process.
var generations atomic.Int64

// A generation gives one set's files names of their own: the engine remembers the
// lists of phrases it has read by their names, whatever they hold by now.
type generation struct {
	fs.FS
	prefix string
}

func (g generation) Open(name string) (fs.File, error) {
	if own, ok := strings.CutPrefix(name, g.prefix); ok && g.FS != nil {
		return g.FS.Open(own)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
