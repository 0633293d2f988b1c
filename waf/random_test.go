package waf

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatehouse/gatehouse/waf/screen"
	"github.com/gatehouse/gatehouse/waf/seclang"
)

// A drawer draws small sets of rules and messages for them out of a few names and
// values, so that most rules match some message and depend on each other.
type drawer struct {
	*rand.Rand
	ids     int
	markers int
	strange bool // anything may be drawn, also what the screen refuses
}

func (d *drawer) of(list ...string) string { return list[d.IntN(len(list))] }

// once is true one time in n.
func (d *drawer) once(n int) bool { return d.IntN(n) == 0 }

// set returns the directives of a set, each rule with its chain as one.
func (d *drawer) set() []string {
	d.ids, d.markers, d.strange = 0, 0, d.once(8)
	out := []string{"Include @coraza.conf-recommended\nSecRuleRemoveById 200002-200005\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/plain"}
	for phase := 1; phase <= 4; phase++ {
		if d.once(3) {
			out = append(out, fmt.Sprintf("SecDefaultAction \"phase:%d,%s\"", phase, d.of("log,pass", "nolog,pass", "nolog,pass,setvar:tx.x=+1", "log,deny", "nolog,deny,status:429", "nolog,pass,capture")))
		}
	}
	for range d.IntN(3) {
		out = append(out, fmt.Sprintf("SecAction \"id:%d,phase:%s,nolog,pass,%s\"", d.id(), d.of("1", "1", "2"), d.assignments()))
	}
	for range 2 + d.IntN(7) {
		switch d.IntN(12) {
		case 0:
			out = append(out, fmt.Sprintf("SecAction \"id:%d,phase:%s,nolog,pass%s\"", d.id(), d.phase(), d.effects(true)))
		case 1:
			if d.markers > 0 {
				out = append(out, "SecMarker "+d.marker())
			}
		default:
			out = append(out, d.rule(d.phase(), d.IntN(4) > 0))
		}
	}
	for range d.markers {
		if !d.once(8) {
			out = append(out, "SecMarker "+d.marker())
		}
	}
	// What the rules did to TX shows in what these say.
	for range 1 + d.IntN(3) {
		out = append(out, d.probe())
	}
	out = append(out, `SecRule TX:x|TX:y|TX:z "@streq never" "id:900,phase:4,deny"`)
	for range d.IntN(3) {
		if d.once(3) {
			out = append(out, d.update())
		}
	}
	return out
}

func (d *drawer) id() int { d.ids++; return d.ids }

func (d *drawer) phase() string { return d.of("1", "1", "1", "2", "2", "2", "2", "3", "4") }

func (d *drawer) marker() string { return string(rune('A' + d.IntN(d.markers))) }

// probe is a rule that ends the proof, mostly about TX.
func (d *drawer) probe() string {
	phase := d.of("1", "2", "2", "2", "3", "4")
	target, op := d.tx(), d.of("!@eq 0", "@eq 1", "@eq 2", "@ge 2", "@lt 1", "@streq a", "!@streq b", "@rx ^[a1]", "@contains b", "@streq %{tx.y}", "!@streq %{tx.x}", "@gt %{tx.z}", "@streq UNKNOWN", "@rx :")
	if d.once(6) {
		target, op = "&"+target, d.of("@eq 0", "@eq 1", "@ge 2")
	}
	return fmt.Sprintf("SecRule %s \"%s\" \"id:%d,phase:%s,%s\"", target, op, d.id(), phase, d.of("deny,log", "deny,nolog", "pass,log", "deny,log,t:lowercase"))
}

func (d *drawer) tx() string {
	return "TX:" + d.of("x", "x", "y", "z", "/^[xy]$/", "/z/", "n_a", "n_1")
}

func (d *drawer) rule(phase string, quiet bool) string {
	links := d.of("1", "1", "1", "2", "2", "3")
	n, _ := strconv.Atoi(links)
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "SecRule %s \"%s\" \"", d.targets(phase, i > 0), d.operator(phase, i > 0))
		var actions string
		if i == 0 {
			actions = fmt.Sprintf("id:%d,phase:%s", d.id(), phase)
			if quiet {
				actions += d.of(",nolog,pass", ",nolog,pass", ",nolog,pass", ",nolog,block", ",nolog")
			} else {
				actions += d.of(",deny", ",log,deny", ",log,pass", ",log,block", ",nolog,deny", ",pass", ",allow", ",nolog,allow:phase", ",nolog,allow:request", ",drop,nolog")
			}
			if d.once(3) {
				actions += d.of(",tag:t1", ",tag:t2", ",msg:m1", ",msg:m2,tag:t1")
			}
		} else {
			actions = "t:none"
		}
		if d.once(3) {
			actions += d.of(",t:lowercase", ",t:urlDecodeUni", ",t:trim", ",t:length", ",t:removeWhitespace", ",t:lowercase,t:trim", ",t:none", ",t:hexDecode,t:lowercase", ",t:urlDecodeUni,t:lowercase,multiMatch", ",multiMatch,t:trim")
		}
		if d.once(3) {
			actions += ",capture"
		}
		actions += d.effects(i == 0)
		if i < n-1 {
			actions += ",chain"
		}
		b.WriteString(actions + "\"")
	}
	return b.String()
}

// effects are what a link does when it matches.
func (d *drawer) effects(first bool) string {
	var b strings.Builder
	if d.IntN(3) > 0 {
		b.WriteString("," + d.assignments())
	}
	if d.once(6) {
		b.WriteString(",ctl:" + d.control())
	}
	if first && d.once(8) {
		b.WriteString(",skip:" + d.of("1", "1", "2", "3"))
	}
	if first && d.once(8) {
		if d.markers == 0 || d.once(3) {
			d.markers++
		}
		b.WriteString(",skipAfter:" + d.marker())
	}
	return b.String()
}

func (d *drawer) assignments() string {
	var list []string
	for range 1 + d.IntN(2) {
		name := "tx." + d.of("x", "x", "x", "y", "y", "z", "n_a", "n_%{MATCHED_VAR}", "n_%{tx.y}", "%{MATCHED_VAR}")
		if d.once(8) {
			list = append(list, "setvar:!"+name+"=1")
			continue
		}
		list = append(list, "setvar:'"+name+"="+d.of("0", "1", "1", "2", "a", "b", "+1", "+1", "+2", "-1", "+%{tx.y}", "%{tx.x}", "%{tx.y}", "%{tx.0}", "%{tx.1}", "%{MATCHED_VAR}", "%{MATCHED_VAR}", "%{MATCHED_VAR_NAME}", "%{REQUEST_HEADERS.h}", "%{tx.x}%{tx.y}", "+%{MATCHED_VAR}", "%{REQUEST_METHOD}", "%{ARGS.a}")+"'")
	}
	return strings.Join(list, ",")
}

func (d *drawer) control() string {
	ids := d.of("1", "2", "3", "4", "5", "6", "7", "8", "2-4", "3-12", "9-12")
	if d.strange {
		switch d.IntN(4) {
		case 0:
			return d.of("requestBodyProcessor=JSON", "requestBodyProcessor=URLENCODED", "forceRequestBodyVariable=On", "requestBodyAccess=Off", "ruleEngine=DetectionOnly", "ruleEngine=Off", "auditEngine=Off", "responseBodyAccess=Off")
		case 1:
			return d.of("ruleRemoveById=0", "ruleRemoveById=0-3", "ruleRemoveById=200000-200006", "ruleRemoveTargetById=200001;REQUEST_HEADERS", "ruleRemoveTargetById=1-200;TX:x")
		}
	}
	target := ";" + d.of("ARGS", "ARGS:a", "ARGS:/^[ab]$/", "ARGS_GET:a", "REQUEST_HEADERS:h", "REQUEST_HEADERS", "TX:x", "MATCHED_VAR", "ARGS_NAMES", "REQUEST_COOKIES:a")
	return d.of("ruleRemoveById="+ids, "ruleRemoveById="+ids, "ruleRemoveByTag=t1", "ruleRemoveByMsg=m1",
		"ruleRemoveTargetById="+ids+target, "ruleRemoveTargetById="+ids+target, "ruleRemoveTargetByTag=t1"+target, "ruleRemoveTargetByMsg=m1"+target)
}

func (d *drawer) targets(phase string, chained bool) string {
	var list []string
	for range 1 + d.IntN(5)/3 {
		list = append(list, d.target(phase, chained))
	}
	if d.once(8) {
		list = append(list, d.of("!ARGS:a", "!ARGS:/b/", "!REQUEST_HEADERS:h", "!TX:x", "!ARGS_NAMES:a"))
	}
	return strings.Join(list, "|")
}

func (d *drawer) target(phase string, chained bool) string {
	if chained && d.once(2) {
		return d.of("MATCHED_VAR", "MATCHED_VAR", "MATCHED_VARS", "MATCHED_VAR_NAME", "TX:0", "TX:1", "TX:2", d.tx())
	}
	if d.once(4) {
		if d.once(4) {
			return "&" + d.tx()
		}
		return d.tx()
	}
	if d.once(6) && (phase != "1" || d.strange) {
		return d.of("&ARGS", "&ARGS:a", "&ARGS:/[ab]/", "&ARGS_POST")
	}
	if phase == "3" || phase == "4" {
		if d.once(3) {
			return d.of("RESPONSE_STATUS", "RESPONSE_HEADERS:h", "RESPONSE_HEADERS")
		}
		if phase == "4" && d.once(3) {
			return "RESPONSE_BODY"
		}
	}
	if phase != "1" && d.once(6) {
		return d.of("REQUEST_BODY", "REQBODY_PROCESSOR", "ARGS_COMBINED_SIZE", "REQUEST_BODY_LENGTH")
	}
	if d.strange && d.once(12) {
		return d.of("TX", "&TX", "MATCHED_VAR", "REQBODY_PROCESSOR", "HIGHEST_SEVERITY", "&MATCHED_VARS", "TX:/./", "ARGS_PATH", "RULE:id")
	}
	return d.of("ARGS", "ARGS", "ARGS", "ARGS:a", "ARGS:a", "ARGS:b", "ARGS:/^[ab]/", "ARGS_GET", "ARGS_GET:a", "ARGS_POST", "ARGS_POST:a", "ARGS_NAMES", "ARGS_GET_NAMES",
		"REQUEST_HEADERS:h", "REQUEST_HEADERS:h", "REQUEST_HEADERS:/^h/", "REQUEST_HEADERS", "&REQUEST_HEADERS:h", "&ARGS_GET", "&ARGS_GET:a", "REQUEST_COOKIES", "REQUEST_COOKIES:a", "REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "REQUEST_FILENAME", "REMOTE_ADDR")
}

func (d *drawer) operator(phase string, chained bool) string {
	op := d.of("@rx a", "@rx ^(a|b)(.?)$", "@rx .?(.)$", `@rx (\d)`, "@rx ^(.)", "@rx .", "@rx b", "@rx (?i)k", "@streq a", "@streq 1", "@contains a", "@contains 1", "@within a b 12", "@pm a foo", "@pm 1 2", "@eq 1", "@eq 0", "@ge 2", "@lt 2", "@le 1",
		"@streq %{tx.x}", "@streq %{tx.y}", "@contains %{tx.y}", "@eq %{tx.x}", "@streq %{REQUEST_HEADERS.h}", "@beginsWith %{tx.z}", "@within %{tx.x} %{tx.y}", "@unconditionalMatch", "@validateByteRange 97-122", "@endsWith a", "@rx ^ab?$", "@detectSQLi", "@ipMatch 203.0.113.0/24")
	if chained && d.once(3) {
		op = d.of("@streq %{tx.1}", "@contains %{tx.0}", "@streq %{MATCHED_VAR}", "@beginsWith %{tx.1}", "@streq %{tx.1}%{tx.2}")
	}
	if d.once(40) {
		op = "@streq %{MATCHED_VAR}"
	}
	if d.once(6) {
		op = "!" + op
	}
	return op
}

func (d *drawer) update() string {
	id := 1 + d.IntN(d.ids)
	return d.of(
		fmt.Sprintf("SecRuleUpdateTargetById %d \"!ARGS:a\"", id), fmt.Sprintf("SecRuleUpdateTargetById %d \"ARGS_NAMES\"", id), "SecRuleUpdateTargetByTag t1 \"!ARGS\"",
		fmt.Sprintf("SecRuleRemoveById %d", id), fmt.Sprintf("SecRuleRemoveById %d-%d", id, id+1), "SecRuleRemoveByTag t2",
		fmt.Sprintf("SecRuleUpdateActionById %d \"pass,nolog\"", id), fmt.Sprintf("SecRuleUpdateActionById %d \"deny\"", id), fmt.Sprintf("SecRuleUpdateActionById %d \"setvar:tx.x=+1\"", id),
		d.of("SecRuleUpdateActionById 200001 \"nolog,pass\"", "SecResponseBodyLimit 4\nSecResponseBodyLimitAction Reject"),
	)
}

func (d *drawer) value() string {
	return d.of("a", "a", "a", "b", "b", "1", "1", "2", "0", "ab", "b1", "12", "A", " a", "K", "c", "", "%61", "aa", "' or 1=1--")
}

func (d *drawer) pairs(n int) string {
	var list []string
	for range n {
		list = append(list, d.of("a", "a", "b", "ab", "c", "A", "1")+"="+url.QueryEscape(d.value()))
	}
	return strings.Join(list, "&")
}

func (d *drawer) message() *Message {
	m := &Message{
		Client: netip.AddrPortFrom(netip.MustParseAddr(d.of("203.0.113.7", "198.51.100.1")), 4000), Server: netip.MustParseAddrPort("192.0.2.2:443"),
		Method: d.of("GET", "POST"), Target: d.of("/", "/a", "/b/1"), Proto: "HTTP/1.1",
	}
	if n := d.IntN(4); n > 0 {
		m.Target += "?" + d.pairs(n)
	}
	m.Header.Add("Host", "a")
	for range d.IntN(3) {
		m.Header.Add(d.of("h", "H", "h2"), d.value())
	}
	if d.once(3) {
		m.Header.Add("Cookie", d.of("a=1", "a=a; b=2", "b=b"))
	}
	if m.Method == "POST" {
		m.HasBody = true
		switch d.IntN(5) {
		case 0, 1, 2:
			m.Header.Add("Content-Type", "application/x-www-form-urlencoded")
			m.Body = []byte(d.pairs(d.IntN(4)))
		case 3:
			m.Header.Add("Content-Type", "application/json")
			m.Body = []byte(`{"` + d.of("a", "b") + `":"` + d.of("a", "b", "1") + `"}`)
		case 4:
			m.Header.Add("Content-Type", "text/plain")
			m.Body = []byte(d.value())
		}
	}
	if d.once(2) {
		m.HasAnswer, m.AnswerProto, m.Status = true, "HTTP/1.1", []int{200, 404, 1}[d.IntN(3)]
		for range d.IntN(3) {
			m.AnswerHeader.Add(d.of("h", "g"), d.value())
		}
		m.AnswerHeader.Add("Content-Type", d.of("text/plain", "text/plain", "image/png"))
		m.HasAnswerBody, m.AnswerBody = true, []byte(d.of("a", "b", "1", "aaaaaaaa"))
	}
	return m
}

// tried is what came of sets of rules.
type tried struct {
	sets, unprovable, all, proven, eventful, wrong int
}

func (a *tried) add(b tried) {
	a.sets, a.unprovable, a.all = a.sets+b.sets, a.unprovable+b.unprovable, a.all+b.all
	a.proven, a.eventful, a.wrong = a.proven+b.proven, a.eventful+b.eventful, a.wrong+b.wrong
}

// guardOf loads a set as New does.
func guardOf(directives string, profile map[string]string, replays *replays) (*Guard, error) {
	program, err := seclang.Read(coreruleset.FS, directives+gatewaySettings)
	if err != nil {
		return nil, err
	}
	w := &WAF{guards: map[string]*Guard{}, responses: true, replays: replays}
	if w.reference, err = newReference(coreruleset.FS, directives); err != nil {
		return nil, err
	}
	g := &Guard{waf: w, profile: profile}
	if err = program.Check(w.reference.rules); err == nil {
		w.index, err = screen.NewIndex(program, screen.Options{Carried: func(id int) bool { return slices.Contains(parserRules, id) }})
	}
	if w.distrust = err; err == nil {
		g.screen = w.index.Compile(profile)
	}
	return g, nil
}

// differs tries one message on the reference n times where it is proven, and says
// how the proof was wrong. Eventful is a proof although rules matched.
func differs(g *Guard, m *Message, n int) (proven, eventful bool, wrong string) {
	in := &Inspection{guard: g}
	defer in.Close()
	ctx := context.Background()
	if ok, err := in.prove(ctx, m); err != nil || !ok {
		if err != nil && !errors.Is(err, errAmbiguous) {
			wrong = err.Error()
		}
		return false, false, wrong
	}
	in.Proven = true
	copied := *m
	if m.HasAnswer {
		if _, err := in.Answer(ctx, m); err != nil {
			return false, false, err.Error()
		}
		copied.HasAnswer = in.Proven
	}
	for range n {
		t, res, err := g.waf.reference.open(ctx, g.profile, &copied)
		if err == nil && copied.HasAnswer && res.Interruption == nil {
			res, err = t.answer(&copied)
		}
		if err != nil {
			return true, eventful, err.Error()
		}
		eventful = eventful || len(t.tx.MatchedRules()) > 0
		if res.Interruption == nil && in.proof != nil {
			for _, name := range []string{"x", "y", "z"} {
				want, got := t.state().Variables().TX().Get(name), in.proof.TX(name, copied.HasAnswer)
				if len(want) == 0 && len(got) > 0 || len(want) > 0 && !slices.Contains(got, want[0]) {
					return true, true, fmt.Sprintf("TX:%s is %q, not among %q", name, want, got)
				}
			}
		}
		if err := t.close(); err != nil {
			return true, eventful, err.Error()
		}
		if len(res.Rules) > 0 || res.Interruption != nil {
			return true, true, fmt.Sprintf("proven (answer %v), but the reference says %v %+v", copied.HasAnswer, ruleIDs(res), res.Interruption)
		}
	}
	return true, eventful, ""
}

// shrink takes away what is not needed for the difference.
func shrink(set []string, profile map[string]string, m *Message, r *replays) ([]string, *Message) {
	wrong := func(set []string, m *Message) bool {
		g, err := guardOf(strings.Join(set, "\n"), profile, r)
		if err != nil {
			return false
		}
		defer g.waf.reference.close()
		for range 10 {
			if _, _, w := differs(g, m, 6); w != "" {
				return true
			}
		}
		return false
	}
	for again := true; again; {
		again = false
		for i := len(set) - 1; i >= 0; i-- {
			less := slices.Delete(slices.Clone(set), i, i+1)
			if wrong(less, m) {
				set, again = less, true
				continue
			}
			for _, cut := range cuts(set[i]) {
				other := slices.Clone(set)
				other[i] = cut
				if wrong(other, m) {
					set, again = other, true
					break
				}
			}
		}
		for _, f := range []func(*Message){
			func(m *Message) { m.HasAnswer = false }, func(m *Message) { m.HasBody, m.Body = false, nil },
			func(m *Message) { m.Header.Del("Cookie") }, func(m *Message) { m.Header.Del("h") }, func(m *Message) { m.Header.Del("h2") },
			func(m *Message) { m.Target = "/" },
		} {
			less := m.clone()
			f(less)
			if !reflect.DeepEqual(less, m) && wrong(set, less) {
				m, again = less, true
			}
		}
	}
	return set, m
}

// cuts are a rule without one of its actions or targets.
func cuts(rule string) (out []string) {
	parts := strings.Split(rule, ",")
	for i := 1; i < len(parts); i++ {
		if strings.HasPrefix(parts[i], "id:") || strings.HasPrefix(parts[i], "phase:") || strings.Contains(parts[i], "\"") {
			continue
		}
		out = append(out, strings.Join(slices.Delete(slices.Clone(parts), i, i+1), ","))
	}
	return out
}

// try draws a set and n messages.
func (d *drawer) try(t *testing.T, n int, r *replays) (out tried) {
	set := d.set()
	profile := map[string]string{"p": "1"}
	if d.once(3) {
		profile["x"] = d.of("0", "1", "a")
	}
	g, err := guardOf(strings.Join(set, "\n"), profile, r)
	if err != nil {
		return out
	}
	defer g.waf.reference.close()
	out.sets = 1
	if g.Unprovable() != "" {
		out.unprovable = 1
		n = 2
	}
	for range n {
		m := d.message()
		proven, eventful, wrong := differs(g, m, 2)
		out.all++
		if proven {
			out.proven++
		}
		if eventful {
			out.eventful++
		}
		if wrong != "" {
			out.wrong++
			set, m = shrink(set, profile, m, r)
			t.Errorf("%s\nprofile %v\n%s\n%s", wrong, profile, strings.Join(set, "\n"), show(m))
			return out
		}
	}
	return out
}

// TestRandomRules compares the screen with the reference on random sets of rules:
// what it proves, no rule may match.
func TestRandomRules(t *testing.T) {
	const messages = 30
	r := newReplays(ReplayConfig{Workers: 2, Queue: 64, Wait: time.Minute, Budget: time.Hour, Burst: 1000 * time.Hour, Callers: 1, Bytes: 1 << 30}, nil)
	var mu sync.Mutex
	var sum tried
	drawn := 0
	start := time.Now()
	parallel(budget(15000, 2000)/messages, func(i int) {
		mu.Lock()
		enough := sum.wrong >= 10
		mu.Unlock()
		if enough {
			return
		}
		d := &drawer{Rand: rand.New(rand.NewPCG(*seed, uint64(i)))}
		out := d.try(t, messages, r)
		mu.Lock()
		defer mu.Unlock()
		drawn++
		sum.add(out)
	})
	t.Logf("%d sets of %d loaded, of which %d can prove nothing; %d messages, %d proven, of which %d although rules matched; %d wrong (%.1fs)",
		sum.sets, drawn, sum.unprovable, sum.all, sum.proven, sum.eventful, sum.wrong, time.Since(start).Seconds())
	if sum.sets < drawn/2 || sum.eventful < sum.all/50 {
		t.Error("the sets are no test")
	}
}
