package authn

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The files are really watched.
func TestStateWatches(t *testing.T) {
	h := newHouse(t, nil)
	c, ctx := h.chain(APIOptions{}), context.Background()
	x := exchange("X-API-Key", h.apiKey)
	if _, err := c.Authenticate(ctx, x); err != nil {
		t.Fatal(err)
	}
	if err := AppendRevocation(filepath.Join(h.dir, "revoked.jsonl"), Revocation{Kind: RevokeSubject, ID: "reports"}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := c.Authenticate(ctx, x); err != nil {
			wantCode(t, err, "token.revoked")
			break
		}
		if time.Now().After(end) {
			t.Fatal("nobody looked at the file")
		}
	}
	h.state.Close()
	h.state.Close() // twice is as good as once
}

// A configuration whose files cannot be read is none.
func TestNewRefuses(t *testing.T) {
	for _, name := range []string{"keys.jsonl", "revoked.jsonl", "identity.key"} {
		h := newHouse(t, nil)
		h.cfg.Revocation.Size++ // another follower, so that the file is read anew
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte("nonsense\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := New(h.cfg, h.state, Options{Dir: h.dir, Now: jwtClock})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	st := NewState()
	defer st.Close()
	c := Config{APIKeys: &APIKeysConfig{File: "none.jsonl"}}.WithDefaults()
	_, err := New(c, st, Options{Dir: t.TempDir()})
	if err == nil || len(st.files) != 0 {
		t.Error("a file that never was is followed:", err)
	}
}

// doc.go lists every reason that a request can meet.
func TestReasonsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`(?:refusal\([^"]*|Code: |code\w+ += )"((?:credential|token|introspection|dpop|binding|api_key|mtls|identity)\.\w+)"`)
	n := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(text), -1) {
			n++
			if m[1] != "identity.key" && !regexp.MustCompile(regexp.QuoteMeta(m[1])+`\b`).Match(doc) {
				t.Errorf("%s: %s is not in doc.go", name, m[1])
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d codes found", n)
	}
}
