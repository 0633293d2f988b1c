package waf

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/gatehouse/gatehouse"
)

// A Result is what a rule set says about a message.
type Result struct {
	// Rules are the rules that matched and log, in order of evaluation, and the one
	// that interrupted even if it does not log.
	Rules []Match
	// Inbound and Outbound are the anomaly scores that count towards blocking; 0 when
	// the evaluation ended before they were added up.
	Inbound, Outbound int
	// Interruption is what a disruptive rule asks for; nil lets the message pass.
	Interruption *Interruption
	// Phase is the last phase that ran, 1 to 5.
	Phase int
}

// An Interruption is the action of a disruptive rule.
type Interruption struct {
	RuleID int
	// Action is "deny", "drop" or "redirect".
	Action string
	// Status is the HTTP status the rule asks for; 0 leaves it to the gateway.
	Status int
}

// A Match is one rule that matched. It holds no value of the message.
type Match struct {
	ID       int
	Message  string
	Severity string // "CRITICAL", or "" where the rule has none
	Tags     []string
	// Variable and Key name the first value that matched: "ARGS_POST", "json.bio".
	Variable, Key string
	// Excerpt shows the form of that value and none of its letters and digits.
	Excerpt string
}

// gatewaySettings end the directives of every set: the gateway bounds bodies
// itself, and before the WAF sees them, so that the engine's own limits must never
// be what decides; what it holds stays in memory; and it writes no log of its own.
const gatewaySettings = `
SecRuleEngine On
SecAuditEngine Off
SecRequestBodyAccess On
SecRequestBodyLimit 1073741824
SecRequestBodyInMemoryLimit 1073741824
SecRequestBodyLimitAction Reject
SecUploadKeepFiles Off
`

// parserRules choose how the request's body is parsed and do nothing else: three
// of the engine's recommended configuration, and the Core Rule Set's fallback for
// unknown media types. They are all that is left in a bare set.
var parserRules = []int{200000, 200001, 200006, 901340}

// A reference is a rule set as Coraza runs it. Its verdict is the verdict.
type reference struct {
	full, bare experimental.WAFWithOptions
	// alone says that only one transaction of full may run rules at a time (see
	// races); running is held meanwhile.
	alone   bool
	running sync.Mutex
	// rules are all the rules as they were loaded, before later directives removed
	// or changed any.
	rules []types.RuleMetadata
}

// newReference loads directives. Includes are resolved in fsys.
//
// It holds the set a second time with nothing but the rules that choose a body
// parser, for [reference.parse]. Both come from the same directives, so every
// setting and every limit is the same in both.
func newReference(fsys fs.FS, directives string) (*reference, error) {
	r := new(reference)
	full, err := load(fsys, directives, func(m types.RuleMetadata) { r.rules = append(r.rules, m) })
	if err != nil {
		return nil, err
	}
	r.full = full
	r.bare, err = load(fsys, directives+"\n"+removeAllRulesBut(parserRules), nil)
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func load(fsys fs.FS, directives string, observe func(types.RuleMetadata)) (w experimental.WAFWithOptions, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = loadError(fmt.Errorf("panic: %v", p))
		}
	}()
	config := coraza.NewWAFConfig().WithRootFS(fsys).WithDirectives(directives + gatewaySettings)
	if observe != nil {
		config = experimental.WAFConfigWithRuleObserver(config, observe)
	}
	set, err := coraza.NewWAF(config)
	if err != nil {
		return nil, loadError(err)
	}
	w, ok := set.(experimental.WAFWithOptions)
	if !ok {
		return nil, loadError(fmt.Errorf("%T takes no options", set))
	}
	return w, nil
}

func loadError(err error) error {
	return &gatehouse.Error{Code: "waf.directives_invalid", Message: "the rules cannot be loaded", Err: err}
}

// removeAllRulesBut returns the directive that leaves only the rules of ids, which
// ascend. Markers have no id and count as 0.
func removeAllRulesBut(ids []int) string {
	var b strings.Builder
	b.WriteString("SecRuleRemoveById")
	from := 0
	for _, id := range ids {
		if from < id {
			fmt.Fprintf(&b, " %d-%d", from, id-1)
		}
		from = id + 1
	}
	fmt.Fprintf(&b, " %d-%d\n", from, math.MaxInt)
	return b.String()
}

// close frees what Coraza keeps of the set. Transactions under way go on.
func (r *reference) close() {
	for _, w := range []experimental.WAFWithOptions{r.full, r.bare} {
		if c, ok := w.(experimental.WAFCloser); ok {
			c.Close()
		}
	}
}

// judge runs all phases for m. Profile holds TX variables, which are set before
// the first phase. An error means that there is no verdict.
func (r *reference) judge(ctx context.Context, profile map[string]string, m *Message) (Result, error) {
	t, res, err := r.open(ctx, profile, m)
	if err != nil {
		return Result{}, err
	}
	if m.HasAnswer && res.Interruption == nil {
		if res, err = t.answer(m); err != nil {
			return Result{}, err
		}
	}
	return t.finish()
}

// open runs the phases of the request. The caller ends the transaction by finish
// or close unless there is an error.
func (r *reference) open(ctx context.Context, profile map[string]string, m *Message) (*transaction, Result, error) {
	if r.alone {
		r.running.Lock()
		defer r.running.Unlock()
	}
	t, err := begin(ctx, r.full, "", profile, m)
	if err != nil {
		return nil, Result{}, err
	}
	if r.alone {
		t.running = &r.running
	}
	return t, t.result(), nil
}

// parse returns the request's variables as the engine reads them, without running
// any rule but those that choose the body's parser. The caller closes it.
func (r *reference) parse(ctx context.Context, m *Message) (*transaction, error) {
	return begin(ctx, r.bare, "-", nil, m)
}

// settled reports whether what was parsed is what the engine would find again: nothing
// interrupted it, and nothing was dropped.
func (t *transaction) settled(m *Message) bool {
	return t.tx.Interruption() == nil && !t.drops(m) && t.state().Variables().ArgumentsLimitReached().Get() != "1"
}

// drops reports a form with fields whose names differ in case only. Of those the engine
// keeps some, not the same ones each time, and the others pass unread. What it drops at
// its limit a rule refuses.
func (t *transaction) drops(m *Message) bool {
	v := t.state().Variables()
	if !strings.EqualFold(v.RequestBodyProcessor().Get(), "urlencoded") || v.ArgumentsLimitReached().Get() == "1" {
		return false
	}
	fields := 0
	for field := range bytes.SplitSeq(m.Body, []byte{'&'}) {
		if len(field) > 0 {
			fields++
		}
	}
	kept, ok := v.ArgsPost().(interface{ TotalValues() int })
	return !ok || kept.TotalValues() != fields
}

// A transaction is one message in one rule set. It is not safe for concurrent use.
type transaction struct {
	tx    types.Transaction
	phase int
	// running is held while rules run, where only one transaction may at a time.
	running *sync.Mutex
}

// begin makes a transaction and runs the phases of the request.
func begin(ctx context.Context, w experimental.WAFWithOptions, id string, profile map[string]string, m *Message) (*transaction, error) {
	if err := ctx.Err(); err != nil {
		return nil, engineError(err)
	}
	t := &transaction{tx: w.NewTransactionWithOptions(experimental.Options{ID: id, Context: ctx})}
	if err := t.guard(func() error { return t.request(profile, m) }); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *transaction) request(profile map[string]string, m *Message) error {
	if len(profile) > 0 {
		set := t.state().Variables().TX()
		for name, value := range profile {
			set.Set(name, []string{value})
		}
	}
	tx := t.tx
	tx.ProcessConnection(address(m.Client), int(m.Client.Port()), address(m.Server), int(m.Server.Port()))
	tx.ProcessURI(m.Target, m.Method, m.Proto)
	for i := range m.Header {
		f := &m.Header[i]
		tx.AddRequestHeader(f.Name, f.Value)
	}
	if host, ok := m.Header.Lookup("Host"); ok {
		tx.SetServerName(host)
	}
	t.phase = 1
	if tx.ProcessRequestHeaders() != nil {
		return nil
	}
	if m.HasBody && tx.IsRequestBodyAccessible() {
		if interruption, n, err := tx.WriteRequestBody(m.Body); err != nil || interruption != nil {
			return err
		} else if n != len(m.Body) {
			return fmt.Errorf("%d of the body's %d bytes were read", n, len(m.Body))
		}
	}
	t.phase = 2
	_, err := tx.ProcessRequestBody()
	return err
}

// address prints the address of a, or "" where there is none.
func address(a netip.AddrPort) string {
	if !a.Addr().IsValid() {
		return ""
	}
	return a.Addr().String()
}

// answer runs the phases of the answer. After an error the transaction is gone.
func (t *transaction) answer(m *Message) (Result, error) {
	if t.running != nil {
		t.running.Lock()
		defer t.running.Unlock()
	}
	err := t.guard(func() error {
		tx := t.tx
		for i := range m.AnswerHeader {
			f := &m.AnswerHeader[i]
			tx.AddResponseHeader(f.Name, f.Value)
		}
		t.phase = 3
		if tx.ProcessResponseHeaders(m.Status, m.AnswerProto) != nil {
			return nil
		}
		t.phase = 4
		if m.HasAnswerBody && tx.IsResponseBodyAccessible() && tx.IsResponseBodyProcessable() {
			// It may stop before the end of the body, at the limit of the rules.
			if interruption, _, err := tx.WriteResponseBody(m.AnswerBody); err != nil || interruption != nil {
				return err
			}
		}
		_, err := tx.ProcessResponseBody()
		return err
	})
	if err != nil {
		return Result{}, err
	}
	return t.result(), nil
}

// finish runs the last phase, which only logs, and closes the transaction.
func (t *transaction) finish() (Result, error) {
	err := t.guard(func() error {
		t.tx.ProcessLogging()
		t.phase = 5
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	res := t.result()
	return res, t.close()
}

// close gives the transaction back; its variables must not be read after that.
// Closing twice is fine.
func (t *transaction) close() error {
	if t.tx == nil {
		return nil
	}
	tx := t.tx
	t.tx = nil
	if err := tx.Close(); err != nil {
		return engineError(err)
	}
	return nil
}

// state gives access to the engine's variables.
func (t *transaction) state() plugintypes.TransactionState {
	return t.tx.(plugintypes.TransactionState)
}

// guard runs f and turns a panic of the engine into an error. A transaction that
// panicked is dropped: it must not go back to the engine's pool half done.
func (t *transaction) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.removeFiles()
			t.tx = nil
			err = engineError(fmt.Errorf("panic: %v", p))
		}
	}()
	if t.tx == nil {
		return engineError(fs.ErrClosed)
	}
	if err := f(); err != nil {
		_ = t.close() // the first error says more
		return engineError(err)
	}
	return nil
}

// removeFiles removes the uploads that the engine copied to disk, which is what
// closing a transaction would do.
func (t *transaction) removeFiles() {
	defer func() { _ = recover() }()
	for _, file := range t.state().Variables().FilesTmpNames().Get("") {
		_ = os.Remove(file)
	}
}

func engineError(err error) error {
	return &gatehouse.Error{Code: "waf.engine_failed", Message: "the rules could not be evaluated", Status: 503, Err: err}
}

// result copies the verdict out of the transaction.
func (t *transaction) result() Result {
	res := Result{Phase: t.phase}
	if i := t.tx.Interruption(); i != nil {
		res.Interruption = &Interruption{RuleID: i.RuleID, Action: i.Action, Status: i.Status}
	}
	matched := t.tx.MatchedRules()
	if len(matched) == 0 {
		return res
	}
	for _, rule := range matched {
		blocks := res.Interruption != nil && rule.Rule().ID() == res.Interruption.RuleID
		if l, ok := rule.(interface{ Log() bool }); ok && !l.Log() && !blocks {
			continue // it sets something up
		}
		res.Rules = append(res.Rules, newMatch(rule))
	}
	set := t.state().Variables().TX()
	res.Inbound = score(set.Get("blocking_inbound_anomaly_score"))
	res.Outbound = score(set.Get("blocking_outbound_anomaly_score"))
	return res
}

func score(values []string) int {
	if len(values) == 0 {
		return 0
	}
	n, err := strconv.Atoi(values[0])
	if err != nil {
		return 0 // never added up
	}
	return n
}

func newMatch(rule types.MatchedRule) Match {
	meta := rule.Rule()
	m := Match{ID: meta.ID(), Message: clip(rule.Message(), maxText)}
	if tags := meta.Tags(); len(tags) > 0 {
		m.Tags = tags
	}
	if s := meta.Severity(); s != types.RuleSeverityUnset {
		m.Severity = strings.ToUpper(s.String())
	}
	for _, d := range rule.MatchedDatas() {
		if name := d.Variable().Name(); name != "UNKNOWN" {
			m.Variable, m.Key, m.Excerpt = name, clip(d.Key(), maxText), mask(d.Value())
			break
		}
	}
	return m
}

// maxText bounds, in bytes, the texts of a Match that the sender can choose.
const maxText = 200

// clip returns a copy of s of at most n bytes, so that a match pins no body.
func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return strings.Clone(s)
}

// maxExcerpt is how many runes of a value are shown.
const maxExcerpt = 48

// mask returns the form of value: letters become x, digits 0, and what is neither
// printable nor ASCII a point, so that an analyst sees "x' xx 0=0--" and neither a
// secret nor a control code reaches a log.
func mask(value string) string {
	var b strings.Builder
	n := 0
	for _, r := range value {
		if n++; n > maxExcerpt {
			b.WriteString("…")
			break
		}
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r >= 0x80 && r != '\uFFFD':
			b.WriteByte('x')
		case '0' <= r && r <= '9':
			b.WriteByte('0')
		case ' ' <= r && r <= '~':
			b.WriteByte(byte(r))
		default:
			b.WriteByte('.')
		}
	}
	return b.String()
}
