package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
)

// Gate is what can be managed.
type Gate interface {
	// Reload reads the configuration again; on error the old one stays.
	Reload(ctx context.Context) error
	Revoke(r authn.Revocation) error
	// Drain stops accepting, lets what is under way end, and then stops.
	Drain()
	// Status is shown as JSON.
	Status() any
}

// Views is what the public side shows.
type Views struct {
	// Ready returns why the gateway should get no traffic, or nil.
	Ready   func() error
	Metrics http.Handler
	// KeySet returns the JWKS that verifies identity headers, or nil.
	KeySet func() []byte
}

// View returns the handler of the admin address: GET /healthz, /readyz, /metrics
// and /.well-known/jwks.json.
func View(v Views) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := v.Ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ready\n")
	})
	mux.Handle("GET /metrics", v.Metrics)
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		doc := v.KeySet()
		if doc == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Write(doc)
	})
	return mux
}

// Control returns the handler of the socket: POST /reload, /revoke and /drain,
// GET /status.
func Control(g Gate) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) { reply(w, g.Reload(r.Context())) })
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, nil)
		go g.Drain()
	})
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {
		var rev authn.Revocation
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&rev); err != nil {
			reply(w, &gatehouse.Error{Code: "admin.body", Status: 400, Message: "not a revocation", Err: err})
			return
		}
		reply(w, g.Revoke(rev))
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, g.Status()) })
	return mux
}

type answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

func reply(w http.ResponseWriter, err error) {
	if err == nil {
		writeJSON(w, 200, answer{OK: true})
		return
	}
	status := 422
	var e *gatehouse.Error
	if errors.As(err, &e) && e.Status != 0 {
		status = e.Status
	}
	writeJSON(w, status, answer{Error: err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nobody to tell
}

// maxSocketPath leaves room, within the 107 bytes of a Unix socket's address, for
// the folder in which it is made.
const maxSocketPath = 88

// ListenSocket opens the Unix socket with mode 0600. A socket that a dead process
// left is replaced, a live one is not.
func ListenSocket(path string) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) {
		return nil, &gatehouse.Error{Code: "admin.socket", Message: "cannot open the admin socket " + path, Err: err}
	}
	if len(path) > maxSocketPath {
		return nil, &gatehouse.Error{Code: "admin.socket", Message: "the path of the admin socket is too long: " + path,
			Hint: "set admin.socket to a shorter one, such as /run/gatehouse/admin.sock"}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return fail(errors.New("another gateway answers there"))
	}
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&os.ModeSocket == 0 {
		return fail(errors.New("there is something that is no socket"))
	}
	// Bind in a folder of our own, where the default mode lets nobody in before
	// chmod, then move into place.
	private, err := os.MkdirTemp(filepath.Dir(path), ".sock-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(private)
	l, err := net.Listen("unix", filepath.Join(private, "s"))
	if err != nil {
		return fail(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(filepath.Join(private, "s"), 0o600), os.Rename(filepath.Join(private, "s"), path)); err != nil {
		l.Close()
		return fail(err)
	}
	return l, nil
}
