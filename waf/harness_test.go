package waf

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatehouse/gatehouse/waf/expression"
	"github.com/gatehouse/gatehouse/waf/screen"
	"github.com/gatehouse/gatehouse/waf/seclang"
)

var (
	comparisons = flag.Int("waf.comparisons", 0, "comparisons with the reference in each differential test; 0 is what fits into go test")
	seed        = flag.Uint64("waf.seed", 1, "seed of the differential tests")
)

// budget is how many comparisons a test makes.
func budget(plain, race int) int {
	switch {
	case *comparisons > 0:
		return *comparisons
	case raceEnabled:
		return race
	}
	return plain
}

// A judge is one way to a verdict.
type judge func(profile map[string]string, m *Message) (Result, error)

// byReference judges as the gateway does that has no screen: the phases of request
// and answer, without the one that only logs.
func byReference(r *reference) judge {
	return func(profile map[string]string, m *Message) (Result, error) {
		t, res, err := r.open(context.Background(), profile, m)
		if err == nil && m.HasAnswer && res.Interruption == nil {
			res, err = t.answer(m)
		}
		if err == nil {
			err = t.close()
		}
		return res, err
	}
}

// screened loads directives as New does, with a budget that never ends.
func screened(t testing.TB, directives string) *WAF {
	t.Helper()
	r, err := newReference(coreruleset.FS, directives)
	if err != nil {
		t.Fatal(err)
	}
	program := readProgram(t, directives)
	if err := program.Check(r.rules); err != nil {
		t.Fatal(err)
	}
	w := &WAF{reference: r, guards: map[string]*Guard{}, responses: true}
	if w.index, err = screen.NewIndex(program, screen.Options{Carried: func(id int) bool { return slices.Contains(parserRules, id) }}); err != nil {
		t.Fatal(err)
	}
	w.replays = newReplays(ReplayConfig{Workers: 2, Queue: 64, Wait: time.Minute, Budget: time.Hour, Burst: 1000 * time.Hour, Callers: 1, Bytes: 1 << 30}, nil)
	w.shadow = newShadow(w, 0, nil)
	t.Cleanup(w.Close)
	return w
}

func readProgram(t testing.TB, directives string) *seclang.Program {
	t.Helper()
	program, err := seclang.Read(coreruleset.FS, directives+gatewaySettings)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// byScreen judges by a WAF's guard for each profile.
func byScreen(w *WAF) judge {
	var mu sync.Mutex
	guards := map[string]*Guard{}
	return func(profile map[string]string, m *Message) (Result, error) {
		mu.Lock()
		g := guards[key(profile)]
		if g == nil {
			g = &Guard{waf: w, profile: profile, screen: w.index.Compile(profile)}
			guards[key(profile)] = g
		}
		mu.Unlock()
		in, res, err := g.Inspect(context.Background(), m, Caller{})
		if err != nil {
			in.Close()
		}
		if errors.Is(err, errAmbiguous) || errors.Is(err, errFiles) || errors.Is(err, errQuotes) {
			return w.reference.judge(context.Background(), profile, m) // refused before anybody is asked
		}
		if err != nil {
			return res, err
		}
		defer in.Close()
		if m.HasAnswer && res.Interruption == nil {
			res, err = in.Answer(context.Background(), m)
		}
		return res, err
	}
}

// verdict is what has to be equal.
type verdict struct {
	Rules             []int // a set, ascending
	Inbound, Outbound int
	Interruption      string
}

func verdictOf(res Result, err error) verdict {
	if err != nil {
		return verdict{Interruption: "error: " + err.Error()}
	}
	v := verdict{Inbound: res.Inbound, Outbound: res.Outbound, Rules: ruleIDs(res)}
	if i := res.Interruption; i != nil {
		v.Interruption = fmt.Sprint(i.RuleID, i.Action, i.Status)
	}
	slices.Sort(v.Rules)
	return v
}

// compare judges n messages both ways, by one profile after the other, and returns
// how often each rule matched.
//
// The engine itself is not always of one mind: it keeps transformed values by the
// address of their key and their place in a collection whose order is random, so
// that of several values of one name one may be seen twice and another not. Where
// the verdicts differ, the reference is asked again and again: ours must be one of
// its own, or, where it found something, one that the reference could not decide.
func compare(t *testing.T, reference, ours judge, messages iter.Seq[*Message], profiles []map[string]string, n int) (seen map[int]int) {
	t.Helper()
	seen = map[int]int{}
	next, stop := iter.Pull(messages)
	defer stop()
	var mu sync.Mutex
	matched, undecided, wrong, i := 0, 0, 0, 0
	start := time.Now()
	parallel(n, func(int) {
		mu.Lock()
		m, ok := next()
		profile := profiles[i%len(profiles)]
		i++
		enough := wrong >= 10
		mu.Unlock()
		if !ok || enough {
			return
		}
		got, want := verdictOf(ours(profile, m)), verdictOf(reference(profile, m))
		equal, fickle := reflect.DeepEqual(got, want), false
		for try := 0; try < 400 && !equal && !(fickle && len(got.Rules) > 0); try++ {
			again := verdictOf(reference(profile, m))
			equal = reflect.DeepEqual(got, again)
			fickle = fickle || !reflect.DeepEqual(again, want)
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case equal && !fickle:
		case equal || fickle && len(got.Rules) > 0:
			undecided++
		default:
			wrong++
			t.Errorf("profile %v\nours %+v\nwant %+v\n%s", profile, got, want, show(m))
		}
		if len(want.Rules) > 0 {
			matched++
		}
		for _, id := range want.Rules {
			seen[id]++
		}
	})
	if n == 1 {
		return seen
	}
	t.Logf("%d comparisons in %.1fs, %d matched (%d rules), %d undecided by the reference itself, %d different", n, time.Since(start).Seconds(), matched, len(seen), undecided, wrong)
	return seen
}

// show prints a message so that it can be pasted into a test.
func show(m *Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q\n", m.Method, m.Target, m.Proto)
	for _, f := range m.Header {
		fmt.Fprintf(&b, "%q: %q\n", f.Name, f.Value)
	}
	fmt.Fprintf(&b, "body %v %q\n", m.HasBody, m.Body)
	if m.HasAnswer {
		fmt.Fprintf(&b, "answer %d %q\n%q\n", m.Status, m.AnswerHeader, m.AnswerBody)
	}
	return b.String()
}

// triggers are the rules of the Core Rule Set that look at messages.
func triggers(t testing.TB, program *seclang.Program) []*trigger {
	t.Helper()
	tests, err := crsTests()
	if err != nil {
		t.Fatal(err)
	}
	own := map[int][]*Message{}
	for i := range tests {
		for j := range tests[i].stages {
			s := &tests[i].stages[j]
			own[s.rule] = append(own[s.rule], s.message)
		}
	}
	var out []*trigger
	for i := range program.Rules {
		r := &program.Rules[i]
		if !isolable(r) {
			continue
		}
		g := &trigger{rule: r, own: own[r.ID], rx: make([]*expression.Expression, len(r.Links))}
		for _, m := range g.own {
			g.known = append(g.known, payloads(m)...)
		}
		for j, l := range r.Links {
			if l.Operator != nil && l.Operator.Name == "rx" && !strings.Contains(l.Operator.Argument, "%{") {
				if g.rx[j], err = expression.Compile(l.Operator.Argument); err != nil {
					t.Fatal(err)
				}
			}
		}
		out = append(out, g)
	}
	return out
}

// isolable reports whether the rule is one of the Core Rule Set that looks at a
// message, and does not just add up.
func isolable(r *seclang.Rule) bool {
	if !(911000 <= r.ID && r.ID < 949000 || 950000 <= r.ID && r.ID < 959000) || !r.Log {
		return false
	}
	return slices.ContainsFunc(r.Links, func(l seclang.Link) bool {
		return slices.ContainsFunc(l.Targets, func(t seclang.Target) bool { return t.Variable != "TX" })
	})
}

// mutate changes a few bytes of one part of a message.
func mutate(rnd *rand.Rand, m *Message, bits []string) *Message {
	out := m.clone()
	edit := func(s string) string {
		for range 1 + rnd.IntN(3) {
			at := rnd.IntN(len(s) + 1)
			switch rnd.IntN(5) {
			case 0: // flip a byte
				if at < len(s) {
					s = s[:at] + string([]byte{s[at] ^ 1<<rnd.IntN(8)}) + s[at+1:]
				}
			case 1: // a metacharacter
				s = s[:at] + pick(rnd, []string{"'", `"`, "<", ">", "(", ")", ";", "|", "`", "$", "\\", "%", "&", "=", "/", "..", "--", "#", "*", "\x00", "\xff", "ſ", "\u212a", "%27", "%2e", "\t"}) + s[at:]
			case 2: // a piece of an attack
				b := pick(rnd, bits)
				from := rnd.IntN(len(b))
				s = s[:at] + b[from:from+rnd.IntN(len(b)-from+1)] + s[at:]
			case 3: // cut
				s = s[:at]
			case 4: // double
				s = s[at:] + s[:at] + s[at:]
			}
			if len(s) > 20000 {
				s = s[:20000]
			}
		}
		return s
	}
	switch n := rnd.IntN(6); {
	case n < 2 && m.HasBody:
		out.Body = []byte(edit(string(m.Body)))
	case n == 2 && m.HasAnswerBody:
		out.AnswerBody = []byte(edit(string(m.AnswerBody)))
	case n < 4:
		out.Target = "/" + oneLine(edit(strings.TrimPrefix(m.Target, "/")))
	default:
		f := &out.Header[rnd.IntN(len(out.Header))]
		f.Value = oneLine(edit(f.Value))
	}
	return out
}

// traffic is a mix without end: benign messages, mutated ones, attacks of the Core
// Rule Set's tests moved about, and generated matches of every rule.
func traffic(t testing.TB, list []*trigger, seed uint64) iter.Seq[*Message] {
	c := corpus{rand.New(rand.NewPCG(seed, 5))}
	var bits []string
	for _, g := range list {
		bits = append(bits, g.known...)
	}
	slices.Sort(bits)
	bits = slices.Compact(bits)
	return func(yield func(*Message) bool) {
		for i := 0; ; i++ {
			var m *Message
			switch c.rnd.IntN(8) {
			case 0, 1:
				m = c.message()
			case 2, 3:
				m = mutate(c.rnd, c.message(), bits)
			case 4:
				m = positions[pick(c.rnd, positionNames)](c, pick(c.rnd, bits))
			case 5:
				m = mutate(c.rnd, pick(c.rnd, list).message(c), bits)
			default:
				m = list[i%len(list)].message(c)
			}
			if !yield(m) {
				return
			}
		}
	}
}

func levelsOf(levels ...int) []map[string]string {
	var out []map[string]string
	for _, n := range levels {
		out = append(out, map[string]string{"blocking_paranoia_level": strconv.Itoa(n), "detection_paranoia_level": strconv.Itoa(n)})
	}
	return out
}

// TestDifferential compares whole verdicts at all paranoia levels.
func TestDifferential(t *testing.T) {
	w := screened(t, crsSet)
	list := triggers(t, readProgram(t, crsSet))
	compare(t, byReference(w.reference), byScreen(w), traffic(t, list, *seed), levelsOf(1, 4, 1, 2, 1, 3), budget(1500, 25))
}

// alone is the Core Rule Set with a switch for each rule that leaves only this one:
// where many rules match, a rule that is wrongly proven dead does not show.
func alone(list []*trigger) (directives string, profiles []map[string]string) {
	var b strings.Builder
	for i, g := range list {
		id := g.rule.ID
		fmt.Fprintf(&b, "SecRule TX:alone \"@streq %d\" \"id:%d,phase:1,pass,nolog,t:none,ctl:ruleRemoveById=200002-200005", id, 20_000_000+i)
		for _, span := range [][2]int{{905000, 948999}, {950000, 958999}, {980000, 989999}} {
			if id < span[0] || id > span[1] {
				fmt.Fprintf(&b, ",ctl:ruleRemoveById=%d-%d", span[0], span[1])
				continue
			}
			fmt.Fprintf(&b, ",ctl:ruleRemoveById=%d-%d,ctl:ruleRemoveById=%d-%d", span[0], id-1, id+1, span[1])
		}
		b.WriteString("\"\n")
		profiles = append(profiles, map[string]string{
			"alone": strconv.Itoa(id), "crs_validate_utf8_encoding": "1", "arg_name_length": "100", "arg_length": "400",
			"total_arg_length": "64000", "max_num_args": "255", "max_file_size": "64100", "combined_file_sizes": "65535",
		})
	}
	return strings.Replace(crsSet, "Include @owasp_crs", b.String()+"Include @owasp_crs", 1), profiles
}

// FuzzAlone is the same for what a fuzzer comes up with.
func FuzzAlone(f *testing.F) {
	list := triggers(f, readProgram(f, crsSet))
	directives, profiles := alone(list)
	w := screened(f, directives)
	reference, ours := byReference(w.reference), byScreen(w)
	c := corpus{rand.New(rand.NewPCG(*seed, 7))}
	for i := 0; i < len(list); i += 9 {
		m := list[i].message(c)
		f.Add(uint16(i), m.Target, m.Header.Get("Content-Type"), m.Header.Get("Cookie"), m.Header.Get("User-Agent"), m.Body)
	}
	f.Fuzz(func(t *testing.T, rule uint16, target, mediaType, cookie, agent string, body []byte) {
		m := newMessage("POST", target, oneLine(mediaType), body)
		m.Header.Set("Cookie", oneLine(cookie))
		m.Header.Set("User-Agent", oneLine(agent))
		compare(t, reference, ours, func(yield func(*Message) bool) { yield(m) }, profiles[int(rule)%len(profiles):][:1], 1)
	})
}

// TestDifferentialAlone compares what each rule says of what it looks for.
func TestDifferentialAlone(t *testing.T) {
	list := triggers(t, readProgram(t, crsSet))
	directives, profiles := alone(list)
	w := screened(t, directives)
	c := corpus{rand.New(rand.NewPCG(*seed, 6))}
	messages := func(yield func(*Message) bool) {
		for i := 0; ; i++ {
			if !yield(list[i%len(list)].message(c)) {
				return
			}
		}
	}
	seen := compare(t, byReference(w.reference), byScreen(w), messages, profiles, budget(8500, 300))
	var missed []int
	for _, g := range list {
		if seen[g.rule.ID] == 0 {
			missed = append(missed, g.rule.ID)
		}
	}
	if len(missed) < len(list)/10 {
		t.Logf("of %d rules only these never matched: %v", len(list), missed)
	}
}
