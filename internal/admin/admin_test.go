package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
)

// gate is a Gate that remembers what it was told.
type gate struct {
	reload  error
	revoked []authn.Revocation
	drained chan struct{}
}

func (g *gate) Reload(context.Context) error { return g.reload }
func (g *gate) Revoke(r authn.Revocation) error {
	g.revoked = append(g.revoked, r)
	return nil
}
func (g *gate) Drain()      { close(g.drained) }
func (g *gate) Status() any { return map[string]string{"version": "test"} }

func serve(t *testing.T, g Gate) (*Client, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "sub", "admin.sock")
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: Control(g)}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return Dial(path), path
}

func TestControlOverTheSocket(t *testing.T) {
	g := &gate{drained: make(chan struct{})}
	c, path := serve(t, g)
	ctx := context.Background()
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if err := c.Reload(ctx); err != nil {
		t.Error(err)
	}
	g.reload = &gatehouse.Error{Code: "config.x", Message: "a broken thing", At: gatehouse.Position{File: "a.yaml", Line: 3}}
	if err := c.Reload(ctx); err == nil || !strings.Contains(err.Error(), "a.yaml:3: a broken thing") {
		t.Errorf("the reason is lost: %v", err)
	}
	if err := c.Revoke(ctx, authn.Revocation{Kind: authn.RevokeSession, ID: "s1"}); err != nil || len(g.revoked) != 1 || g.revoked[0].ID != "s1" {
		t.Errorf("%v %v", g.revoked, err)
	}
	if st, err := c.Status(ctx); err != nil || !strings.Contains(string(st), `"version":"test"`) {
		t.Errorf("%s %v", st, err)
	}
	if err := c.Drain(ctx); err != nil {
		t.Error(err)
	}
	<-g.drained
}

func TestControlRefusesNonsense(t *testing.T) {
	h := Control(&gate{})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{{"GET", "/reload", "", 405}, {"POST", "/revoke", "{", 400}, {"POST", "/revoke", `{"kindd":"jti"}`, 400}, {"POST", "/revoke", strings.Repeat(" ", 100_000), 400}, {"POST", "/else", "", 404}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.status {
			t.Errorf("%s %s: %d", c.method, c.path, w.Code)
		}
	}
}

func TestSocketsLeftAndTaken(t *testing.T) {
	_, path := serve(t, &gate{})
	if _, err := ListenSocket(path); err == nil {
		t.Error("a live socket was taken over")
	}
	dead := filepath.Join(filepath.Dir(path), "dead.sock")
	l, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	again, err := ListenSocket(dead)
	if err != nil {
		t.Fatalf("a dead process's socket stays: %v", err)
	}
	again.Close()
	file := filepath.Join(filepath.Dir(path), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := ListenSocket(file); err == nil {
		l.Close()
		if b, _ := os.ReadFile(file); string(b) != "precious" {
			t.Error("a file that is no socket was replaced")
		}
	}
	if _, err := ListenSocket("/" + strings.Repeat("d", 100) + "/s"); err == nil {
		t.Error("a path too long for a socket")
	}
	if _, err := Dial(filepath.Join(filepath.Dir(path), "none")).Status(context.Background()); err == nil {
		t.Error("nobody answered")
	}
}

func TestViews(t *testing.T) {
	ready := errors.New("draining")
	h := View(Views{Ready: func() error { return ready }, Metrics: http.NotFoundHandler(), KeySet: func() []byte { return nil }})
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "draining") {
		t.Errorf("%d %s", code, body)
	}
	ready = nil
	if code, _ := get("/readyz"); code != 200 {
		t.Errorf("%d", code)
	}
	if code, _ := get("/.well-known/jwks.json"); code != 404 {
		t.Errorf("%d", code)
	}
}
