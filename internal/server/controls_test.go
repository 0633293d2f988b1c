package server

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/config"
)

// records returns the decision log of a house that has stopped, by operation.
func (h *house) records() map[string]audit.Record {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]audit.Record{}
	for line := range strings.Lines(string(text)) {
		var r audit.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			h.t.Fatal(err)
		}
		out[r.Operation] = r
	}
	return out
}

func judgedBy(r audit.Record) string {
	var names []string
	for _, j := range r.Judgments {
		names = append(names, j.Control)
	}
	return strings.Join(names, " ")
}

// Controls that could say nothing of an operation's calls are not asked, and those
// that could are.
func TestOnlyControlsWithSomethingToSay(t *testing.T) {
	t.Parallel()
	ask := func(change func(h *house)) map[string]audit.Record {
		h := newHouse(t, "")
		if change != nil {
			change(h)
			if err := h.Reload(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		h.get("/orders/1", h.token("alice", "t1"))
		h.get("/public", "")
		h.Stop()
		return h.records()
	}
	got := ask(nil)
	if s := judgedBy(got["getOrder"]); s != "limits.address authn limits.caller authn.requirements policy" {
		t.Errorf("an operation with scopes: %s", s)
	}
	if s := judgedBy(got["open"]); s != "limits.address authn limits.caller policy" {
		t.Errorf("an operation that demands nothing: %s", s)
	}
	got = ask(func(h *house) {
		h.change(t, "authn:\n", "authn:\n  dpop: {nonce: true}\n")
		h.change(t, "  - name: shop\n    endpoints", "  - name: shop\n    concurrency: {max: 10}\n    endpoints")
	})
	if s := judgedBy(got["open"]); s != "limits.address authn limits.caller authn.requirements policy limits.concurrency limits.concurrency" {
		t.Errorf("with nonces and a bound: %s", s)
	}
}

// Without a log there is no file, and the server says so; a reload brings it back.
func TestNoDecisionLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "decisions: {off: true}\n")
	if res, _ := h.get("/public", ""); res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "data", "decisions.jsonl")); err == nil {
		t.Error("there is a decision log")
	}
	if !strings.Contains(h.log.String(), "no decision is recorded") {
		t.Error("nobody is told that nothing is recorded")
	}
	if err := h.Ready(); err != nil {
		t.Error(err)
	}
	if st := h.Status().(Status); st.Decisions != (audit.Stats{}) {
		t.Errorf("%+v", st.Decisions)
	}
	turn := func(from, to string) {
		h.change(t, from, to)
		if err := h.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	turn("off: true", "off: false")
	h.get("/public", "")
	turn("off: false", "off: true")
	if res, _ := h.get("/orders/1", ""); res.StatusCode != 401 {
		t.Errorf("status %d", res.StatusCode)
	}
	for range 200 { // the log that was closed writes on for a moment
		if text, _ := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl")); len(text) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.Stop()
	got := h.records()
	if _, ok := got["open"]; !ok || len(got) != 1 {
		t.Errorf("recorded: %v", got)
	}
}

// A configuration with no decision log is valid, and warned of.
func TestNoDecisionLogIsWarnedOf(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "decisions: {off: true}\n")
	diags, err := Check(filepath.Join(h.dir, "gatehouse.yaml"), config.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diags {
		if d.Code == "config.unrecorded" {
			return
		}
	}
	t.Errorf("%s", diags)
}
