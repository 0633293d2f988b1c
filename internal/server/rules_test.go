package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/waf"
)

const sqlLeak = "<html>You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version</html>"

// ruled starts a gateway with a section waf; the service answers what the query asks for.
func ruled(t *testing.T, section, api string, files map[string]string) *house {
	t.Helper()
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Query().Get("answer") {
		case "leak":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, sqlLeak)
		case "json":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"got":%d}`, len(body))
		default:
			fmt.Fprintf(w, "%s %d", r.Method, len(body))
		}
	})
	return newDoors(t, doorOptions{upstream: up.URL, authn: "waf:\n" + section, api: api, files: files,
		operations: "      - {any: \"/watched/{path...}\", id: watched, access: public, modes: {waf.request: monitor}}\n" +
			"      - {any: \"/free/{path...}\", id: free, access: public, modes: {waf.request: \"off\", waf.response: \"off\"}, waf: {paranoia: 2}}\n" +
			"      - {post: \"/upload\", id: upload, access: public, stream: [upload]}\n"})
}

func (h *house) inspect(c *http.Client, proto, method, path, body string, fields ...string) (*http.Response, string) {
	h.t.Helper()
	req, err := http.NewRequest(method, h.url(proto, path), strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body == "" {
		req.Body, req.ContentLength = nil, 0
	}
	req.Host = "shop.localhost"
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	req.Header.Set("Accept", "application/json")
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, string(text)
}

// decision waits for the record of an answer.
func (h *house) decision(res *http.Response) audit.Record {
	h.t.Helper()
	var rec audit.Record
	id := res.Header.Get("X-Request-Id")
	waitFor(h.t, "the record of "+id, func() bool {
		text, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
		if err != nil {
			return false
		}
		for line := range bytes.Lines(text) {
			if bytes.Contains(line, []byte(id)) && json.Unmarshal(line, &rec) == nil {
				return true
			}
		}
		return false
	})
	return rec
}

func TestWAF(t *testing.T) {
	t.Parallel()
	h := ruled(t, "  rules: {responses: true}\n  shadow: 100\n"+unbounded, "", nil)
	const attack, script = "/any/x?q=1%27%20OR%20%271%27=%271", `{"bio":"<script>alert(1)</script>"}`
	var coded bytes.Buffer
	z := gzip.NewWriter(&coded)
	io.WriteString(z, script)
	z.Close()
	json := []string{"Content-Type", "application/json"}
	for _, proto := range everyProto {
		client := h.client(proto)
		for name, c := range map[string]struct {
			method, path, body string
			fields             []string
			status             int
			code               string
		}{
			"benign":                {"GET", "/any/x?page=2&sort=name", "", nil, 200, ""},
			"a benign post":         {"POST", "/any/x?answer=json", `{"name":"shoes","qty":2}`, json, 200, ""},
			"an attack":             {"GET", attack, "", nil, 403, waf.CodeBlocked},
			"a script":              {"POST", "/any/x", script, json, 403, waf.CodeBlocked},
			"a script in gzip":      {"POST", "/any/x", coded.String(), append([]string{"Content-Encoding", "gzip"}, json...), 403, waf.CodeBlocked},
			"no gzip":               {"POST", "/any/x", script, append([]string{"Content-Encoding", "gzip"}, json...), 400, waf.CodeCodingInvalid},
			"an unknown coding":     {"POST", "/any/x", script, append([]string{"Content-Encoding", "rot13"}, json...), 415, waf.CodeCoding},
			"metadata":              {"POST", "/any/x", `{"url":"http://169.254.169.254/latest/meta-data"}`, json, 403, "payload.ssrf.metadata"},
			"an attack, watched":    {"GET", "/watched/x?q=1%27%20OR%20%271%27=%271", "", nil, 200, ""},
			"an attack, free":       {"GET", "/free/x?q=1%27%20OR%20%271%27=%271", "", nil, 200, ""},
			"a leak":                {"GET", "/any/x?answer=leak", "", nil, 502, waf.CodeAnswerBlocked},
			"a leak, watched":       {"GET", "/watched/x?answer=leak", "", nil, 502, waf.CodeAnswerBlocked},
			"a leak, free":          {"GET", "/free/x?answer=leak", "", nil, 200, ""},
			"HEAD":                  {"HEAD", "/any/x?answer=leak", "", nil, 200, ""},
			"the head of an upload": {"POST", "/upload?q=1%27%20OR%20%271%27=%271", "x", []string{"Content-Type", "application/octet-stream"}, 403, waf.CodeBlocked},
		} {
			res, body := h.inspect(client, proto, c.method, c.path, c.body, c.fields...)
			if res.StatusCode != c.status || code(body) != c.code {
				t.Errorf("%s, %s: %d %s", proto, name, res.StatusCode, body)
			}
			if c.code != "" && (strings.Contains(body, "rule") || strings.Contains(body, "ARGS")) {
				t.Errorf("%s, %s: the client is told more than the code: %s", proto, name, body)
			}
			if c.status != 200 {
				continue
			}
			if rec := h.decision(res); strings.HasPrefix(name, "benign") || strings.HasPrefix(name, "a benign") {
				i := slices.IndexFunc(rec.Judgments, func(j audit.Judgment) bool { return j.Control == waf.RequestName })
				if i < 0 || rec.Judgments[i].Outcome != "pass" || rec.Judgments[i].Code != "" {
					t.Errorf("%s, %s: %+v", proto, name, rec.Judgments)
				}
			}
		}
	}
	res, _ := h.inspect(h.client("h1"), "h1", "GET", attack, "")
	rec := h.decision(res)
	if rec.By != waf.RequestName || !strings.HasPrefix(rec.Reason.Message, "rule 942100 (SQL Injection Attack Detected via libinjection) in ARGS:q, score ") {
		t.Errorf("%+v", rec.Reason)
	}
	var text strings.Builder
	if err := audit.Explain(&text, &rec, audit.ExplainOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ARGS:q, waf.942100, SQL Injection Attack Detected via libinjection: «0' xx '0'='0»", "REQUEST-942-APPLICATION-ATTACK-SQLI.conf:"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	waitFor(t, "shadow samples", func() bool { return h.state.rules.counts().Shadowed > 0 })
	st := h.state.rules.counts()
	if st.Proven < 12 || st.Replayed < 20 || st.Mismatches != 0 {
		t.Errorf("%+v", st)
	}
	scrape, err := http.Get("http://" + h.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer scrape.Body.Close()
	metrics, _ := io.ReadAll(scrape.Body)
	for _, want := range []string{"gatehouse_waf_mismatches_total 0", "gatehouse_waf_proven_total ", `api_suspicious_requests_total{detection_rule="waf.942100",endpoint="* /any/{path...}",severity="high"}`} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

const ownRule = `SecRule ARGS:q "@streq %s" "id:1,phase:1,deny,status:403,msg:'no good'"` + "\n"

// Rules are made anew only where something has changed that they are made of.
func TestWAFReloads(t *testing.T) {
	t.Parallel()
	h := ruled(t, "  rules: {core: false, before: [own.conf]}\n", "    owner: one", map[string]string{"own.conf": "Include more.conf\n", "more.conf": fmt.Sprintf(ownRule, "bad")})
	client := h.client("h1")
	status := func(q string) int {
		res, _ := h.inspect(client, "h1", "GET", "/any/x?q="+q, "")
		return res.StatusCode
	}
	if status("bad") != 403 || status("worse") != 200 {
		t.Fatal("the rule does not count")
	}
	first, hash := h.current.rules, h.current.hash
	reload := func() error { return h.Reload(context.Background()) }
	h.change(t, "owner: one", "owner: two")
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	if h.current.rules != first {
		t.Error("the rules were made anew for nothing")
	}
	if !slices.Contains(h.current.files, filepath.Join(h.dir, "more.conf")) {
		t.Errorf("an included file is not watched: %v", h.current.files)
	}
	h.write("more.conf", fmt.Sprintf(ownRule, "worse"))
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	if h.current.rules == first || h.current.hash == hash || status("bad") != 200 || status("worse") != 403 {
		t.Error("a changed file does not count")
	}
	before := h.state.rules.counts()
	if before.Proven < 2 || before.Replayed < 2 {
		t.Errorf("the counts do not outlive the rules: %+v", before)
	}
	second := h.current.rules
	h.write("more.conf", "SecRule ARGS:q \"@nosuch x\" \"id:1,phase:1,deny\"\n")
	err := reload()
	if err == nil || h.current.rules != second || status("worse") != 403 {
		t.Errorf("broken rules: %v", err)
	}
	if text := config.Explain(err, h.dir).String(); !strings.Contains(text, "more.conf:1") {
		t.Errorf("the line is not named: %s", text)
	}
	h.write("more.conf", fmt.Sprintf(ownRule, "worst"))
	h.change(t, "    owner: two", "    owner: two\n    waf: {exclusions: [{rules: [\"1\"]}]}")
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	if status("worst") != 200 {
		t.Error("an API's exclusion does not count")
	}
	h.change(t, "waf:\n  rules: {core: false, before: [own.conf]}\n", "")
	h.change(t, "    waf: {exclusions: [{rules: [\"1\"]}]}", "")
	h.change(t, ", waf: {paranoia: 2}", "")
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	if h.current.rules != nil || status("worse") != 200 || h.state.rules.counts().Replayed < before.Replayed {
		t.Error("rules that are gone")
	}
}

// Files elsewhere have their absolute names.
func TestRuleFiles(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	h := &house{t: t, dir: dir}
	h.write("a.conf", "x")
	f := &ruleFiles{dir: dir}
	names := f.names([]string{"a.conf", filepath.Join(dir, "a.conf"), filepath.Join(other, "b.conf"), "../c.conf"})
	if names[0] != "a.conf" || names[1] != "a.conf" || !strings.HasPrefix(names[2], rootDir+"/") || !strings.HasPrefix(names[3], rootDir+"/") {
		t.Errorf("%q", names)
	}
	if f.path(names[2]) != filepath.Join(other, "b.conf") || f.shown(names[3]) != filepath.Join(filepath.Dir(dir), "c.conf") {
		t.Errorf("%q %q", f.path(names[2]), f.shown(names[3]))
	}
	if _, err := f.Open("../a.conf"); err == nil {
		t.Error("a name that leads out")
	}
	if file, err := f.Open("a.conf"); err != nil {
		t.Error(err)
	} else {
		file.Close()
	}
	if got := f.read(); len(got) != 1 || got[0] != "a.conf" {
		t.Errorf("%q", got)
	}
}

// What check says of rules is what a start would.
func TestCheckRules(t *testing.T) {
	t.Parallel()
	h := ruled(t, "  rules: {core: false, after: [own.conf]}\n", "", map[string]string{"own.conf": fmt.Sprintf(ownRule, "bad")})
	path := filepath.Join(h.dir, "gatehouse.yaml")
	if ds, err := Check(path, config.Env{}); err != nil || len(ds) > 0 {
		t.Errorf("%v %v", err, ds)
	}
	h.write("own.conf", "SecAction \"id:9,phase:1,log,pass,msg:'seen'\"\n")
	ds, err := Check(path, config.Env{})
	if err != nil || len(ds) != 1 || ds[0].Severity != config.Warning || ds[0].Code != "waf.unprovable" || !strings.Contains(ds[0].Message, "rule 9") {
		t.Errorf("%v %v", ds, err)
	}
	h.write("own.conf", "\nSecRule ARGS \"@rx (\" \"id:8,phase:1,pass,log\"\n")
	if _, err := Check(path, config.Env{}); err == nil || !strings.Contains(err.Error(), "own.conf:2") {
		t.Errorf("%v", err)
	}
}
