package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/waf"
)

// crsSetup is the Core Rule Set as its regression tests want it: limits switched on,
// and its own lists of what may be asked for.
const crsSetup = `SecResponseBodyMimeType text/plain
SecAction "id:900005,phase:1,nolog,pass,\
  ctl:ruleRemoveById=910000,\
  setvar:'tx.allowed_methods=GET HEAD POST OPTIONS',\
  setvar:'tx.allowed_request_content_type=|application/x-www-form-urlencoded| |multipart/form-data| |text/xml| |application/xml| |application/soap+xml| |application/json|',\
  setvar:tx.crs_validate_utf8_encoding=1,\
  setvar:tx.arg_name_length=100,\
  setvar:tx.arg_length=400,\
  setvar:tx.total_arg_length=64000,\
  setvar:tx.max_num_args=255,\
  setvar:tx.max_file_size=64100,\
  setvar:tx.combined_file_sizes=65535"
`

// crsUnprovable has a rule that every message matches: whoever goes by it proves
// nothing, and is the reference.
const crsUnprovable = "SecAction \"id:9999,phase:1,log,pass,msg:'the reference'\"\n"

// crsScore is no score that any test reaches: every rule gets its turn.
const crsScore = 1_000_000

// crsConfig has the gateway judge everything, at paranoia level 4, and refuse
// nothing that it could read.
const crsConfig = `version: 1
listeners:
  - {name: plain, address: 127.0.0.1:0}
admin: {address: 127.0.0.1:0}
policies: {files: [all.cedar]}
limits:
  levels:
    - {name: address, key: [address], rate: 10000000/min}
  failures: {rate: 10000000/min}
waf:
  rules: {before: [setup.conf], responses: true}
  paranoia: 4
  inbound: 1000000
  outbound: 1000000
  shadow: -1
  payload: {rules: {"payload.*": "off"}}
  replay: {workers: 2, queue: 100, wait: 1m, budget: 1h, burst: 1h}
upstreams:
  - name: backend
    endpoints: [{url: %q}]
    protocol: http1
apis:
  - name: all
    hosts: ["*"]
    upstream: backend
    errors: upstream
    modes: {waf.request: monitor, waf.response: monitor}
    operations:
      - {any: "/{path...}", id: any, access: public}
`

// crsReference is the engine under the gateway's rules, asked directly.
type crsReference struct {
	rules *waf.WAF
	guard *waf.Guard
}

func newCRSReference(t *testing.T) *crsReference {
	t.Helper()
	cfg := waf.Config{
		Rules:  waf.RulesConfig{Before: []string{"setup.conf"}, After: []string{"unprovable.conf"}, Responses: true},
		Policy: waf.Policy{Paranoia: 4, Inbound: crsScore, Outbound: crsScore},
		Replay: waf.ReplayConfig{Workers: 2, Queue: 100, Wait: time.Minute, Budget: time.Hour, Burst: time.Hour},
		Shadow: -1,
	}.WithDefaults()
	w, err := waf.New(cfg, waf.Options{Files: fstest.MapFS{"setup.conf": {Data: []byte(crsSetup)}, "unprovable.conf": {Data: []byte(crsUnprovable)}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	g, err := w.Guard(cfg.Policy)
	if err != nil {
		t.Fatal(err)
	}
	return &crsReference{w, g}
}

// judge returns the ids of the rules that match the request, and the answer.
func (r *crsReference) judge(m *waf.Message) (v crsVerdict, err error) {
	ctx := context.Background()
	in, res, err := r.guard.Inspect(ctx, m, waf.Caller{})
	if err != nil {
		in.Close()
		return v, err
	}
	defer in.Close()
	if in.Proven {
		return v, errors.New("the reference was not asked")
	}
	v.request, v.score, v.denied = crsIDs(res.Rules), res.Inbound, res.Interruption != nil
	if v.denied {
		return v, nil // the answer is not judged
	}
	before := len(res.Rules)
	if res, err = in.Answer(ctx, m); err != nil {
		return v, err
	}
	v.answer = crsIDs(res.Rules[before:])
	v.outbound = res.Outbound
	return v, nil
}

// crsVerdict is what was found in one exchange.
type crsVerdict struct {
	request, answer []int // rule ids
	score, outbound int
	denied          bool
}

// crsSumsUp reports rules that only compare and report scores: the record has the
// score instead of them.
func crsSumsUp(id int) bool { return id >= 949000 && id < 950000 || id >= 959000 && id < 981000 }

func crsIDs(rules []waf.Match) (ids []int) {
	for i := range rules {
		if id := rules[i].ID; !crsSumsUp(id) && id != 9999 {
			ids = append(ids, id)
		}
	}
	return ids
}

// crsRecorded is how many rules a record names for the request, and for the answer.
const crsRecorded = 20

var crsScored = regexp.MustCompile(`score (\d+) of 1000000`)

// recorded reads the verdict out of a record.
func recorded(rec *audit.Record) (v crsVerdict, judged bool) {
	for _, j := range rec.Judgments {
		var ids []int
		for _, d := range j.Details {
			if id, err := strconv.Atoi(strings.TrimPrefix(d.Code, "waf.")); err == nil {
				ids = append(ids, id)
			}
		}
		score := 0
		if m := crsScored.FindStringSubmatch(j.Message); m != nil {
			score, _ = strconv.Atoi(m[1])
		}
		switch j.Control {
		case waf.RequestName:
			judged = j.Outcome != "error" && (j.Code == "" || j.Code == waf.CodeBlocked || j.Code == waf.CodeMatched)
			v.request, v.score, v.denied = ids, score, j.WouldBlock
		case waf.ResponseName:
			v.answer, v.outbound = append(v.answer, ids...), max(v.outbound, score)
		}
	}
	return v, judged
}

// same reports whether a record says what the reference says.
func (v *crsVerdict) same(ref *crsVerdict) bool {
	return sameRules(v.request, ref.request) && sameRules(v.answer, ref.answer) && v.score == ref.score && v.outbound == ref.outbound && v.denied == ref.denied
}

// sameRules compares what a record names with what matched, of which it names so many.
func sameRules(named, matched []int) bool {
	if len(matched) > crsRecorded {
		if len(named) != crsRecorded {
			return false
		}
		return !slices.ContainsFunc(named, func(id int) bool { return !slices.Contains(matched, id) })
	}
	return slices.Equal(slices.Sorted(slices.Values(named)), slices.Sorted(slices.Values(matched)))
}

// crsRefusals are the reasons for which the gateway refuses what the tests say before
// any rule sees it, and how many tests each concerns over the two protocols.
var crsRefusals = map[string]struct {
	http1, http2 int
	why          string
}{
	"header.connection_option": {1, 0, "Connection names a field that is not the connection's: it would be taken off on the way"},
	"host.invalid":             {3, 3, "an authority with percent-encoded control bytes"},
	"host.missing":             {3, 0, "no Host, or an empty one, of HTTP/1.0 as well: there is nobody to ask"},
	"http1.both_lengths":       {1, 0, "Content-Length beside Transfer-Encoding: a request can be smuggled"},
	"http1.content_length":     {4, 0, "Content-Length that is no number"},
	"framing.content_length":   {0, 4, "the same in HTTP/2"},
	"http1.field_value":        {1, 0, "a bare CR in a field's value"},
	"http1.method":             {2, 0, "white space before the method"},
	"method.token":             {0, 1, "the same in HTTP/2"},
	"http1.target":             {6, 0, "a space or a raw byte beyond ASCII in the target"},
	"http1.version":            {11, 0, "HTTP/0.9, HTTP/2 in a request line, no version at all"},
	"http2.reset":              {0, 2, "HTTP/2's reader ends the stream: a path that does not begin with a slash, a CR in a field's value"},
	"match.no_api":             {2, 2, "OPTIONS * asks for no API"},
	"method.connect":           {4, 0, "CONNECT asks for a tunnel"},
	"path.character":           {5, 5, "quotes and the like in a path, not encoded"},
	"path.control":             {4, 4, "encoded line breaks in a path"},
	"path.dot_segment":         {1, 1, "a path with dot segments (allow: [dot_segment])"},
	"path.empty_segment":       {1, 1, "a path with empty segments (allow: [empty_segment])"},
	"path.encoded_slash":       {2, 2, "encoded slashes in a path (allow: [encoded_slash])"},
	"path.utf8":                {2, 2, "a path that is not UTF-8"},
	"query.nul":                {10, 10, "an encoded NUL in the query"},
	"query.percent":            {9, 9, "percent signs in the query that encode nothing, %u among them"},
	"query.utf8":               {8, 8, "a query that is not UTF-8"},
	"target.character":         {3, 8, "a fragment in the target; in HTTP/2, raw bytes beyond ASCII, too"},
	"target.form":              {1, 1, "a target that is neither a path nor, in HTTP/1.1, an absolute URI"},
}

// crsStricter is how many of those tests want nothing but a rule's silence.
var crsStricter = map[string]int{"HTTP/1.1": 19, "HTTP/2.0": 12}

// crsUnmet are tests that the rules answer otherwise, and so does the reference.
var crsUnmet = map[string]string{
	"HTTP/1.1 920620-1": "two lines of Content-Type are kept apart, which is what the rule looks for; Apache would have joined them",
	"HTTP/2.0 920620-1": "two lines of Content-Type are kept apart, which is what the rule looks for; Apache would have joined them",
	"HTTP/2.0 920180-1": "the rule asks HTTP/1.1 for a length of the body",
	"HTTP/2.0 920180-3": "the rule asks HTTP/1.1 for a length of the body",
}

// A crsRun is the tests over one protocol: what came of each case.
type crsRun struct {
	proto string
	ids   []string // of the records
	lost  []error  // why there is none
	refs  []crsVerdict
	// again asks the reference about the message of this protocol.
	again func(i int) (crsVerdict, error)
}

func newCRSRun(proto string, n int) *crsRun {
	return &crsRun{proto: proto, ids: make([]string, n), lost: make([]error, n), refs: make([]crsVerdict, n)}
}

var errUnsayable = errors.New("the protocol has no such message")

// All regression tests of the Core Rule Set through the gateway, byte for byte: what
// the decision log says of each is what the reference says of the same message, and
// what the test expects.
func TestCRSOverHTTP(t *testing.T) {
	t.Parallel()
	cases, err := crsCases()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for i := range cases {
		tests[cases[i].test] = true
	}
	if len(tests) != 4674 {
		t.Errorf("%d tests, want all 4674", len(tests))
	}
	whole := !withRaceDetector() // the engine is ten times slower then
	if !whole {
		cases = everyNth(cases, 20)
	}
	h, ref := crsGateway(t), newCRSReference(t)
	h1, h2 := newCRSRun("HTTP/1.1", len(cases)), newCRSRun("HTTP/2.0", len(cases))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(cases); i = int(next.Add(1)) - 1 {
				h1.ids[i], h1.lost[i] = crsSay(h.Addr("plain"), cases[i].raw)
				m, err := cases[i].message()
				if err != nil { // not a request, and no verdict on one is right
					h1.refs[i].score, h2.lost[i] = -1, errUnsayable
					continue
				}
				if h1.refs[i], err = ref.judge(m); err != nil {
					t.Errorf("%s: the reference: %v", cases[i].test, err)
				}
				if m = crsHTTP2(m); m == nil {
					h2.lost[i] = errUnsayable
					continue
				}
				h2.ids[i], h2.lost[i] = crsFrames(h.Addr("plain"), m)
			}
		})
	}
	wg.Wait()
	h.Stop() // writes the last records
	records := crsRecords(t, h)
	h1.account(t, cases, records, whole)
	// Hardly any rule asks for the protocol: the reference judges by HTTP/2 where the
	// record differs from what it said of HTTP/1.1.
	h2.refs = h1.refs
	h2.again = func(i int) (crsVerdict, error) {
		m, err := cases[i].message()
		if err != nil {
			return crsVerdict{}, err
		}
		return ref.judge(crsHTTP2(m))
	}
	h2.account(t, cases, records, whole)
	if st := h.state.rules.counts(); st.Refused > 0 || st.Mismatches > 0 || st.Proven == 0 {
		t.Errorf("%+v", st)
	}
}

func everyNth[T any](list []T, n int) (out []T) {
	for i := 0; i < len(list); i += n {
		out = append(out, list[i])
	}
	return out
}

// withRaceDetector reports whether the test was built so.
func withRaceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// crsGateway starts a gateway that judges as the tests want.
func crsGateway(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	h.write("all.cedar", "")
	h.write("setup.conf", crsSetup)
	h.write("gatehouse.yaml", fmt.Sprintf(crsConfig, crsBackend(t)))
	var diags config.Diagnostics
	var err error
	h.Server, err = Start(context.Background(), Options{ConfigPath: filepath.Join(h.dir, "gatehouse.yaml"), Log: slog.New(slog.DiscardHandler), Warn: func(d config.Diagnostics) { diags = d }})
	if err != nil {
		t.Fatalf("%v\n%s", err, diags)
	}
	t.Cleanup(h.Stop)
	return h
}

// crsRecords reads the decision log of a gateway that has stopped, by the records' ids.
func crsRecords(t *testing.T, h *house) map[string]audit.Record {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]audit.Record{}
	for line := range bytes.Lines(text) {
		var rec audit.Record
		if err := json.Unmarshal(line, &rec); err != nil {
			t.Fatal(err)
		}
		out[rec.ID] = rec
	}
	return out
}

// account compares the records with the reference, and with what the tests expect.
func (r *crsRun) account(t *testing.T, cases []crsCase, records map[string]audit.Record, whole bool) {
	t.Helper()
	same, met, byText, unsayable, stricter := 0, 0, 0, 0, 0
	refused, unmet := map[string]int{}, map[string]bool{}
	refuse := func(c *crsCase, code string) {
		if refused[code]++; !c.wantsRefusal() {
			stricter++
		}
	}
	for i := range cases {
		c := &cases[i]
		if r.lost[i] == errUnsayable {
			unsayable++
			continue
		}
		rec, ok := records[r.ids[i]]
		if !ok {
			if errors.Is(r.lost[i], errReset) {
				refuse(c, "http2.reset")
			} else {
				t.Errorf("%s, %s: no record: %v", r.proto, c.test, r.lost[i])
			}
			continue
		}
		v, judged := recorded(&rec)
		if !judged {
			refuse(c, rec.Reason.Code)
			continue
		}
		if !r.agrees(t, i, c, &v) {
			continue
		}
		same++
		why := c.unmet(&v)
		switch {
		case c.byText:
			byText++ // for the reference to judge: no record holds values
		case why == "":
			met++
		default:
			unmet[c.test] = true
			if crsUnmet[r.proto+" "+c.test] == "" {
				t.Errorf("%s, %s: %s, have %+v", r.proto, c.test, why, v)
			}
		}
	}
	t.Logf("%s: of %d exchanges, the protocol has no such message: %d; refused before any rule: %d, among them %d that only want silence; the same as the reference: %d; of these as the test expects: %d, by the log's text: %d, otherwise: %d",
		r.proto, len(cases), unsayable, sumOf(refused), stricter, same, met, byText, len(unmet))
	r.checkRefusals(t, refused, stricter, whole)
	for name := range crsUnmet {
		if test, ok := strings.CutPrefix(name, r.proto+" "); ok && whole && !unmet[test] {
			t.Errorf("%s passes: take it off the list", name)
		}
	}
}

// agrees compares a record with the reference.
func (r *crsRun) agrees(t *testing.T, i int, c *crsCase, v *crsVerdict) bool {
	t.Helper()
	ref, err := r.refs[i], error(nil)
	if r.again != nil && !v.same(&ref) {
		if ref, err = r.again(i); err != nil {
			t.Errorf("%s, %s: the reference: %v", r.proto, c.test, err)
			return false
		}
	}
	if !v.same(&ref) {
		t.Errorf("%s, %s: have %+v, the reference says %+v\n%q", r.proto, c.test, *v, ref, c.raw)
		return false
	}
	return true
}

// checkRefusals compares what was refused with what is known to be.
func (r *crsRun) checkRefusals(t *testing.T, refused map[string]int, stricter int, whole bool) {
	t.Helper()
	for _, code := range slices.Sorted(maps.Keys(refused)) {
		known := crsRefusals[code]
		if t.Logf("%s: %3d %s: %s", r.proto, refused[code], code, known.why); known.why == "" {
			t.Errorf("%s: refused by %s, of which nobody knows", r.proto, code)
		}
	}
	if !whole {
		return
	}
	for code, known := range crsRefusals {
		want := known.http1
		if r.proto == "HTTP/2.0" {
			want = known.http2
		}
		if refused[code] != want {
			t.Errorf("%s: %d refused by %s, want %d", r.proto, refused[code], code, want)
		}
	}
	if stricter != crsStricter[r.proto] {
		t.Errorf("%s: %d refused that only want a rule's silence, want %d", r.proto, stricter, crsStricter[r.proto])
	}
}

func sumOf(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
