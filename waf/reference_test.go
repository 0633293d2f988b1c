package waf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// crsSet is the Core Rule Set as it comes, with what it lacks: default actions for
// the answer's phases, without which no rule of theirs is named.
const crsSet = `
Include @coraza.conf-recommended
SecDefaultAction "phase:3,log,auditlog,pass"
SecDefaultAction "phase:4,log,auditlog,pass"
SecDefaultAction "phase:5,log,auditlog,pass"
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
`

// crsReference loads the Core Rule Set once for all tests.
var crsReference = sync.OnceValues(func() (*reference, error) { return newReference(coreruleset.FS, crsSet) })

func coreRuleSet(t testing.TB) *reference {
	t.Helper()
	r, err := crsReference()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rules(t testing.TB, directives string) *reference {
	t.Helper()
	r, err := newReference(coreruleset.FS, directives)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

// get and post are requests of a browser.
func get(target string) *Message { return newMessage("GET", target, "", nil) }

func post(target, mediaType string, body []byte) *Message {
	return newMessage("POST", target, mediaType, body)
}

func newMessage(method, target, mediaType string, body []byte) *Message {
	m := &Message{
		Client: netip.MustParseAddrPort("192.0.2.1:4711"), Server: netip.MustParseAddrPort("192.0.2.2:443"),
		Method: method, Target: target, Proto: "HTTP/1.1",
		Header: gatehouse.Header{
			{Name: "Host", Value: "shop.example"},
			{Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
			{Name: "Accept", Value: "application/json, text/plain, */*"},
			{Name: "Accept-Language", Value: "en-US,en;q=0.5"},
			{Name: "Accept-Encoding", Value: "gzip, deflate, br"},
			{Name: "Referer", Value: "https://shop.example/catalogue"},
			{Name: "Cookie", Value: "session=0cc175b9c0f1b6a831c399e269772661; lang=en"},
		},
		HasBody: body != nil, Body: body,
	}
	if body != nil {
		m.Header.Add("Content-Type", mediaType)
		m.Header.Add("Content-Length", fmt.Sprint(len(body)))
	}
	return m
}

func TestReferenceJudges(t *testing.T) {
	r := coreRuleSet(t)
	for _, c := range []struct {
		name    string
		profile map[string]string
		message *Message
		rules   []int
		want    Result
	}{
		{name: "benign", message: get("/catalogue?q=shoes"), want: Result{Phase: 5}},
		{
			name: "injection", message: get("/catalogue?q=1%27+union+select+1"),
			rules: []int{942100, 942190, 942360, 949110, 980170},
			want:  Result{Phase: 5, Inbound: 15, Interruption: &Interruption{RuleID: 949110, Action: "deny", Status: 403}},
		},
		{
			name: "a higher threshold", message: get("/catalogue?q=1%27+union+select+1"),
			profile: map[string]string{"inbound_anomaly_score_threshold": "100"},
			rules:   []int{942100, 942190, 942360, 980170},
			want:    Result{Phase: 5, Inbound: 15},
		},
		{
			name: "a higher paranoia level", message: get("/catalogue?q=rock%26roll%27s"),
			profile: map[string]string{"blocking_paranoia_level": "4"},
			rules:   []int{920273, 942432, 949110, 980170},
			want:    Result{Phase: 5, Inbound: 8, Interruption: &Interruption{RuleID: 949110, Action: "deny", Status: 403}},
		},
		{
			name: "a broken body", message: post("/orders", "application/json", []byte(`{"a":`)),
			rules: []int{200002},
			want:  Result{Phase: 5, Interruption: &Interruption{RuleID: 200002, Action: "deny", Status: 400}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := r.judge(context.Background(), c.profile, c.message)
			if err != nil {
				t.Fatal(err)
			}
			if ids := ruleIDs(got); !slices.Equal(ids, c.rules) {
				t.Errorf("rules %v, want %v", ids, c.rules)
			}
			got.Rules = nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReferenceAnswers(t *testing.T) {
	r := coreRuleSet(t)
	m := get("/report")
	tx, res, err := r.open(context.Background(), nil, m)
	if err != nil || res.Interruption != nil || res.Phase != 2 {
		t.Fatalf("request: %+v, %v", res, err)
	}
	m.HasAnswer, m.Status, m.AnswerProto = true, 200, "HTTP/1.1"
	m.AnswerHeader = gatehouse.Header{{Name: "Content-Type", Value: "text/html"}}
	m.HasAnswerBody, m.AnswerBody = true, []byte("<p>ORA-00933: SQL command not properly ended</p>")
	res, err = tx.answer(m)
	if err != nil || res.Phase != 4 {
		t.Fatalf("answer: %+v, %v", res, err)
	}
	if res.Interruption == nil || res.Outbound < 4 || !slices.Contains(ruleIDs(res), 951120) {
		t.Errorf("an error message of a database passed: %+v", res)
	}
	last, err := tx.finish()
	if err != nil || last.Phase != 5 || last.Outbound != res.Outbound {
		t.Errorf("end: %+v, %v", last, err)
	}
	if _, err := tx.answer(m); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed transaction answers %v", err)
	}
	if err := tx.close(); err != nil {
		t.Error("closing twice:", err)
	}
}

func TestMatchHoldsNoValue(t *testing.T) {
	const secret = "Hunter2' OR '1'='1' -- \x1b[31m\r\nnext"
	body, _ := json.Marshal(map[string]string{"note": secret})
	res, err := coreRuleSet(t).judge(context.Background(), nil, post("/orders", "application/json", body))
	if err != nil || len(res.Rules) == 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	for _, m := range res.Rules {
		if strings.Contains(fmt.Sprintf("%+v", m), "Hunter") || strings.ContainsAny(m.Excerpt, "\r\n\x1b") {
			t.Errorf("%+v", m)
		}
	}
	m := res.Rules[0]
	want := Match{ID: 942100, Message: "SQL Injection Attack Detected via libinjection", Severity: "CRITICAL",
		Tags: m.Tags, Variable: "ARGS", Key: "json.note", Excerpt: "xxxxxx0' xx '0'='0' -- .[00x..xxxx"}
	if m.Variable == "ARGS_POST" {
		want.Variable = m.Variable
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMask(t *testing.T) {
	for value, want := range map[string]string{
		"":                        "",
		"O'Neil 42":               "x'xxxx 00",
		"Zoë <b>":                 "xxx <x>",
		"\xff\x00\x1b]":           "...]",
		strings.Repeat("ab1", 50): strings.Repeat("xx0", 16) + "…",
	} {
		if got := mask(value); got != want {
			t.Errorf("mask(%q) = %q, want %q", value, got, want)
		}
	}
}

// Rules that only set something up do not count; the severity is optional.
func TestReferenceCountsWhatLogs(t *testing.T) {
	r := rules(t, `
SecAction "id:1,phase:1,pass,nolog,setvar:tx.blocking_inbound_anomaly_score=7"
SecRule ARGS "@contains x" "id:2,phase:2,pass,log,msg:'an x'"
SecRule ARGS "@contains y" "id:3,phase:2,deny,status:418,log"
SecRule ARGS "@contains y" "id:4,phase:2,pass,log"
`)
	res, err := r.judge(context.Background(), nil, get("/?a=xyz"))
	if err != nil {
		t.Fatal(err)
	}
	want := Result{
		Rules: []Match{
			{ID: 2, Message: "an x", Variable: "ARGS", Key: "a", Excerpt: "xxx"},
			{ID: 3, Variable: "ARGS", Key: "a", Excerpt: "xxx"},
		},
		Inbound: 7, Interruption: &Interruption{RuleID: 3, Action: "deny", Status: 418}, Phase: 5,
	}
	if diff := cmp.Diff(want, res); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReferenceReadsTheUsersFiles(t *testing.T) {
	files := fstest.MapFS{
		"own.conf":  {Data: []byte(`SecRule ARGS:who "@pmFromFile names.txt" "id:10,phase:1,deny"`)},
		"names.txt": {Data: []byte("mallory\n")},
	}
	r, err := newReference(files, "Include own.conf")
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if res, err := r.judge(context.Background(), nil, get("/?who=mallory")); err != nil || res.Interruption == nil {
		t.Errorf("%+v, %v", res, err)
	}
	if len(r.rules) != 1 || r.rules[0].ID() != 10 {
		t.Errorf("rules %v", r.rules)
	}
}

func TestReferenceRefusesBadRules(t *testing.T) {
	for _, directives := range []string{
		`SecRule ARGS "@rx (" "id:1,phase:1,deny"`,
		`SecRule ARGS "@nosuch x" "id:1,phase:1,deny"`,
		`SecNothing On`,
		`Include missing.conf`,
		"SecAction \"id:1,phase:1,pass\"\nSecAction \"id:1,phase:1,pass\"",
	} {
		r, err := newReference(fstest.MapFS{}, directives)
		var e *gatehouse.Error
		if !errors.As(err, &e) || e.Code != "waf.directives_invalid" {
			t.Errorf("%q: %v, %v", directives, r, err)
		}
	}
}

// What cannot be judged has no verdict.
func TestReferenceFailsClosed(t *testing.T) {
	r := rules(t, `SecAction "id:1,phase:1,pass,nolog"`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := r.judge(ctx, nil, get("/"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	tx, _, err := r.open(context.Background(), nil, get("/"))
	if err != nil {
		t.Fatal(err)
	}
	err = tx.guard(func() error { panic("broken") })
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Code != "waf.engine_failed" || e.Status != 503 {
		t.Errorf("a panic: %v", err)
	}
	if _, err := tx.finish(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after a panic: %v", err)
	}
}

// Uploads are copied to disk by the engine, and must not stay there.
func TestReferenceLeavesNoFiles(t *testing.T) {
	dir := t.TempDir()
	r := rules(t, "SecUploadDir "+dir+"\nSecUploadKeepFiles On\nSecAction \"id:1,phase:2,pass,nolog\"")
	m := post("/", "multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--b--\r\n"))
	if _, err := r.judge(context.Background(), nil, m); err != nil {
		t.Fatal(err)
	}
	tx, _, err := r.open(context.Background(), nil, m)
	if err != nil {
		t.Fatal(err)
	}
	if n := tx.state().Variables().FilesTmpNames().Get(""); len(n) != 1 || filepath.Dir(n[0]) != dir {
		t.Errorf("the upload is at %q", n)
	}
	_ = tx.guard(func() error { panic("broken") })
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Only the rules that choose a body parser run in a bare set. TestCRS compares the
// variables of all tests.
func TestParse(t *testing.T) {
	r := coreRuleSet(t)
	for mediaType, want := range map[string]struct{ processor, variable, value string }{
		"application/json":                  {"JSON", "ARGS_POST", `"json.a"="<x>"`},
		"application/vnd.shop+json":         {"JSON", "ARGS_POST", `"json.a"="<x>"`},
		"application/x-www-form-urlencoded": {"URLENCODED", "REQUEST_BODY", `""="{\"a\":\"<x>\"}"`},
		"application/octet-stream":          {"URLENCODED", "REQUEST_BODY", `""="{\"a\":\"<x>\"}"`},
		"text/xml":                          {"XML", "XML", ""},
	} {
		tx, err := r.parse(context.Background(), post("/?q=1%27+union+select+1", mediaType, []byte(`{"a":"<x>"}`)))
		if err != nil {
			t.Fatal(err)
		}
		v := dump(tx)
		if v["REQBODY_PROCESSOR"] != fmt.Sprintf("%q=%q", "", want.processor) {
			t.Errorf("%s is parsed by %s", mediaType, v["REQBODY_PROCESSOR"])
		}
		if !strings.Contains(v[want.variable], want.value) || v["ARGS_GET"] != `"q"="1' union select 1"` {
			t.Errorf("%s: %q, %q", mediaType, v[want.variable], v["ARGS_GET"])
		}
		for _, rule := range tx.tx.MatchedRules() {
			if !slices.Contains(parserRules, rule.Rule().ID()) {
				t.Errorf("%s: rule %d ran", mediaType, rule.Rule().ID())
			}
		}
		if err := tx.close(); err != nil {
			t.Error(err)
		}
	}
}

// benchmarkMessages are the issue's: a benign GET with a browser's headers and
// three arguments, and orders of 870 B with 45 leaves and of 7.5 KB.
func benchmarkMessages() map[string]*Message {
	return map[string]*Message{
		"GET":      get("/v1/items?page=2&sort=name&q=shoes"),
		"JSON870":  post("/v1/orders", "application/json", smallOrder()),
		"JSON7500": post("/v1/orders", "application/json", largeOrder()),
	}
}

func benchmark(b *testing.B, judge func(*reference, *Message) error) {
	r := coreRuleSet(b)
	for _, name := range []string{"GET", "JSON870", "JSON7500"} {
		m := benchmarkMessages()[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := judge(r, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBare(b *testing.B) {
	benchmark(b, func(r *reference, m *Message) error {
		tx, err := r.parse(context.Background(), m)
		if err != nil {
			return err
		}
		return tx.close()
	})
}

func BenchmarkReference(b *testing.B) {
	benchmark(b, func(r *reference, m *Message) error {
		res, err := r.judge(context.Background(), nil, m)
		if err == nil && len(res.Rules) > 0 {
			err = fmt.Errorf("rules %v matched", ruleIDs(res))
		}
		return err
	})
}

// BenchmarkReferencePL4 is the same at paranoia level 4.
func BenchmarkReferencePL4(b *testing.B) {
	benchmark(b, func(r *reference, m *Message) error {
		_, err := r.judge(context.Background(), map[string]string{"blocking_paranoia_level": "4"}, m)
		return err
	})
}
