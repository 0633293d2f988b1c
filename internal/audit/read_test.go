package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/google/go-cmp/cmp"
)

func TestReadTolerates(t *testing.T) {
	in := `{"id":"a","result":"answered"}` + "\n\n" +
		`{"id":"b","result":"answered"` + "\n" +
		`{"id":"` + strings.Repeat("x", maxLine) + `"}` + "\n" +
		`{"id":"c","future":{"field":[1]},"result":"blocked"}` + "\r\n" +
		`{"id":"` + strings.Repeat("y", 200<<10) + `"}` + "\n" +
		`{"id":"d","resu`
	var got []string
	for r, err := range Read(strings.NewReader(in)) {
		var line *LineError
		switch {
		case errors.As(err, &line):
			got = append(got, line.Error())
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, r.ID[:1])
		}
	}
	want := []string{"a", "line 3: not a record: unexpected end of JSON input", "line 4: not a record: longer than 1048576 bytes",
		"c", "y", "line 7: the last line is torn"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for r, err := range Read(strings.NewReader(`{"id":"last"}`)) { // whole, but for its line break
		if err != nil || r.ID != "last" {
			t.Errorf("%v %v", r, err)
		}
	}
}

// logOf writes exchanges into a log whose files hold a few records each.
func logOf(t *testing.T, xs ...*gatehouse.Exchange) (files []string) {
	t.Helper()
	cfg := testConfig(t)
	cfg.MaxSize = 5000
	l, _ := small(t, cfg, QueueBytes)
	for _, x := range xs {
		if err := l.Append(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := Files(cfg.File)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFind(t *testing.T) {
	var xs []*gatehouse.Exchange
	for i := range 20 {
		xs = append(xs, numbered(i))
	}
	files := logOf(t, xs...)
	if len(files) < 4 {
		t.Fatalf("%d files", len(files))
	}
	f, err := os.OpenFile(files[len(files)-1], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"id":"N000000`)
	f.Close()
	for _, id := range []string{"N00000000", "N00000011", "N00000019"} {
		r, notes, err := Find(files, id)
		if err != nil || r.ID != id {
			t.Errorf("Find(%s): %v %v", id, r, err)
		}
		if len(notes) != 1 || !strings.HasSuffix(notes[0].Error(), "the last line is torn") {
			t.Errorf("notes %v", notes)
		}
	}
	for _, id := range []string{"N0000001", "nobody\x1b", ""} {
		if _, _, err := Find(files, id); !errors.Is(err, ErrNotFound) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("Find(%q): %v", id, err)
		}
	}
	if _, _, err := Find([]string{filepath.Join(t.TempDir(), "none")}, "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Files(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no files: %v", err)
	}
	// The same file under two names, as a rotation under way shows it.
	n := 0
	for range ReadFiles([]string{files[0], files[0]}) {
		n++
	}
	m := 0
	for range ReadFiles(files[:1]) {
		m++
	}
	if n != m {
		t.Errorf("%d records of %d read twice", n, m)
	}
}

func blocked() *gatehouse.Exchange {
	x := exchange()
	x.Decision.Judgments = x.Decision.Judgments[:4]
	x.Decision.Judgments[2].Mode = gatehouse.Monitor
	x.Decision.Judgments[2].WouldBlock = true
	x.Decision.WouldBlock = true
	x.Decision.Judgments[2].Verdict = gatehouse.Denied(429, gatehouse.Reason{Code: "limit.client", Message: "client web is over 300/min",
		At: gatehouse.Position{File: "gatehouse.yaml", Line: 88, Column: 7}})
	reason := gatehouse.Reason{Code: "policy.forbid", Message: "forbidden\x1b[2J by policy", Hint: "add a permit",
		At: gatehouse.Position{File: "policies/orders.cedar", Line: 12, Column: 1}}
	x.Decision.Judge(gatehouse.Judgment{Control: "policy", Step: gatehouse.StepJudgeHead, Mode: gatehouse.Enforce,
		Verdict: gatehouse.Denied(403, reason), Took: 2345})
	x.Decision.Result, x.Decision.Status, x.Decision.By, x.Decision.Reason = gatehouse.Blocked, 403, "policy", reason
	x.Decision.Upstream = gatehouse.UpstreamReport{}
	x.Risk = 40
	return x
}

const wantExplain = `01JD4XQ7ZK9M2N3P4R5S6T7V8W: blocked 403 by policy
  policy.forbid: forbidden\u001b[2J by policy
  hint: add a permit
  at policies/orders.cedar:12:1
  a control in monitor would have blocked it

  request   GET shop.example.com/orders/41?limit&page&flag, HTTP/1.1
  matched   shop, getOrder, (GET /orders/{id})
  from      192.0.2.7, through proxy 10.0.0.1, listener public, fingerprint t13d1516h2_8daaf6152771_b186095e22b6
  caller    jwt, alice, client web, issuer https://id.example.com, tier gold, token TOKENHASH, sender-bound, risk 40
  time      2026-11-21T18:00:00.123Z, total 1.235ms, gateway 45.7µs
  bytes     0 in, 512 out
  trace     01020300000000000000000000000000
  config    c0ffee

  STEP        CONTROL        MODE     VERDICT                TOOK     DECIDED BY                  WHY
  judge-head  limit.address  enforce  pass                   321ns
  judge-head  authn          enforce  pass                   321ns
  judge-head  limit.client   monitor  deny 429, would block  321ns    gatehouse.yaml:88:7         limit.client: client web is over 300/min
  judge-head  limit.user     enforce  pass                   321ns
  judge-head  policy         enforce  deny 403               2.345µs  policies/orders.cedar:12:1  policy.forbid: forbidden\u001b[2J by policy
      hint: add a permit
`

func TestExplain(t *testing.T) {
	files := logOf(t, blocked())
	r, _, err := Find(files, blocked().ID)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Explain(&b, r, ExplainOptions{}); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(wantExplain, "TOKENHASH", r.Principal.Token, 1)
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
	plain := b.String()
	b.Reset()
	Explain(&b, r, ExplainOptions{Color: true})
	stripped := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(b.String())
	if stripped != plain || b.String() == plain {
		t.Errorf("with colours: %q", b.String())
	}
	b.Reset()
	r.Reason.Message = "\u202e\u009b" // as it comes from a file that somebody else wrote
	if err := WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	back := new(Record)
	if err := json.Unmarshal(b.Bytes(), back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, back); d != "" || strings.ContainsAny(b.String(), "\u202e\u009b\x1b") {
		t.Errorf("JSON: %s\n%s", d, b.String())
	}
}

func TestExplainLittle(t *testing.T) {
	x := &gatehouse.Exchange{ID: "x", Start: time.Unix(0, 0)}
	x.Decision.Result, x.Decision.Status, x.Decision.By = gatehouse.Failed, 502, "upstream"
	x.Decision.Upstream = gatehouse.UpstreamReport{Name: "orders", Attempts: 2, Err: "connection refused"}
	x.Decision.Aborted, x.Decision.Late = true, gatehouse.Reason{Code: "token.expired"}
	r := decode(t, encoded(x))
	var b bytes.Buffer
	Explain(&b, r, ExplainOptions{})
	for _, want := range []string{"x: failed 502 by upstream\n  the answer broke off\n  token.expired: \n",
		"upstream  orders, 2 attempts, error: connection refused"} {
		if !strings.Contains(b.String(), strings.TrimRight(want, " ")) && !strings.Contains(b.String(), strings.ReplaceAll(want, ": \n", ":\n")) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
	b.Reset()
	Explain(&b, &Record{Gap: &Gap{Lost: 3, Reason: "disk full"}}, ExplainOptions{})
	if !strings.HasPrefix(b.String(), "3 decisions lost") {
		t.Error(b.String())
	}
}

func TestWouldBlock(t *testing.T) {
	var xs []*gatehouse.Exchange
	for i := range 12 {
		x := blocked()
		x.ID = numbered(i).ID
		x.Start = x.Start.Add(time.Duration(i) * time.Minute)
		xs = append(xs, x)
	}
	other := blocked()
	other.ID, other.Decision.Judgments[2].Verdict.Reason.Code = "other", "limit.burst"
	xs = append(xs, other, numbered(100))
	files := logOf(t, xs...)

	rep, err := WouldBlock(files, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	start := exchange().Start
	want := &Report{Records: 14, WouldBlock: 13, From: start, To: start.Add(11 * time.Minute), Groups: []Group{
		{API: "shop", Operation: "getOrder", Control: "limit.client", Code: "limit.client", At: "gatehouse.yaml:88:7", Count: 12,
			First: start, Last: start.Add(11 * time.Minute), Samples: []string{"N00000007", "N00000008", "N00000009", "N00000010", "N00000011"}},
		{API: "shop", Operation: "getOrder", Control: "limit.client", Code: "limit.burst", At: "gatehouse.yaml:88:7", Count: 1,
			First: start, Last: start, Samples: []string{"other"}},
	}}
	if d := cmp.Diff(want, rep); d != "" {
		t.Error(d)
	}
	var b bytes.Buffer
	if err := rep.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	const text = `13 of 14 requests would be blocked, 2026-11-21T18:00:00.123Z to 2026-11-21T18:11:00.123Z

  COUNT  API   OPERATION  CONTROL       CODE          DECIDED BY           FIRST                LAST                 SAMPLE
     12  shop  getOrder   limit.client  limit.client  gatehouse.yaml:88:7  2026-11-21 18:00:00  2026-11-21 18:11:00  N00000011
      1  shop  getOrder   limit.client  limit.burst   gatehouse.yaml:88:7  2026-11-21 18:00:00  2026-11-21 18:00:00  other
`
	if d := cmp.Diff(text, b.String()); d != "" {
		t.Error(d)
	}
	for i, f := range []Filter{{API: "none"}, {Operation: "none"}, {Control: "policy"}, {Since: start.Add(time.Hour)}, {Until: start}} {
		if rep, err := WouldBlock(files, f); err != nil || rep.WouldBlock != 0 || len(rep.Groups) != 0 {
			t.Errorf("filter %d: %+v %v", i, rep, err)
		}
	}
	if rep, _ := WouldBlock(files, Filter{API: "shop", Operation: "getOrder", Control: "limit.client", Since: start.Add(time.Minute), Until: start.Add(3 * time.Minute)}); rep.WouldBlock != 2 {
		t.Errorf("%+v", rep)
	}
	b.Reset()
	if err := WriteJSON(&b, &Report{Groups: []Group{}, Lost: 2}); err != nil || !strings.Contains(b.String(), `"groups": []`) {
		t.Errorf("%v %s", err, b.String())
	}
	b.Reset()
	(&Report{Lost: 2, Notes: []string{"torn"}}).WriteText(&b)
	if b.String() != "no decisions in the log\n\n2 decisions are missing from the log\nnote: torn\n" {
		t.Errorf("%q", b.String())
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encoded(exchange()))
	f.Add([]byte("{}\n{\"gap\":{}}\n[]\nnull\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for r, err := range Read(bytes.NewReader(data)) {
			if (r == nil) == (err == nil) {
				t.Fatalf("%v, %v", r, err)
			}
			var b bytes.Buffer
			if err != nil {
				b.WriteString(err.Error())
			} else if err := Explain(&b, r, ExplainOptions{}); err != nil {
				t.Fatal(err)
			}
			for line := range bytes.SplitSeq(b.Bytes(), []byte("\n")) {
				checkInert(t, line)
			}
		}
	})
}
