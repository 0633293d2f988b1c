package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Who was asked is told of the end, each once, in whatever order the controls stand.
func TestFinishInAnyOrder(t *testing.T) {
	body := &control{name: "body", body: gatehouse.BodyWhole, check: func(*gatehouse.Exchange) (gatehouse.Verdict, error) { return gatehouse.Passed(), nil }}
	first := says(permit, nil)
	h, err := Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Options{Controls: []gatehouse.Control{body, first}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://api/", nil))
	if body.finished != 1 || first.finished != 1 {
		t.Errorf("after all were asked: body %d, head %d", body.finished, first.finished)
	}
	first.check = func(*gatehouse.Exchange) (gatehouse.Verdict, error) { return deny, nil }
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://api/", nil))
	if body.finished != 1 || first.finished != 2 {
		t.Errorf("after the first denied: body %d, head %d", body.finished, first.finished)
	}
}

// standing counts how often it is asked.
type standing struct {
	gatehouse.Authenticator
	asked atomic.Int64
	ask   func() error
}

func (s *standing) Authenticate(context.Context, *gatehouse.Exchange) (*gatehouse.Principal, error) {
	return &gatehouse.Principal{Subject: "alice", Method: gatehouse.MethodAPIKey}, nil
}

func (s *standing) StillGood(*gatehouse.Principal, time.Time) error {
	s.asked.Add(1)
	if s.ask != nil {
		return s.ask()
	}
	return nil
}

// The watch over a stream's credential ends with the stream, a panic's as well.
func TestStreamWatchEndsWithAPanic(t *testing.T) {
	s := &standing{}
	h, err := Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(200)
		panic(http.ErrAbortHandler)
	}), Options{Authenticator: s, Public: true, Streams: StreamSSE, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://api/", nil))
	}()
	time.Sleep(streamCheckEvery * 3 / 2)
	if n := s.asked.Load(); n > 0 {
		t.Errorf("a stream that is over is asked about %d times", n)
	}
}

// A panic of who is asked whether a credential is still good ends that stream, not
// the process.
func TestStreamWatchPanic(t *testing.T) {
	s := &standing{ask: func() error { panic("oh") }}
	h, err := Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(200)
		select {
		case <-r.Context().Done():
		case <-time.After(5 * streamCheckEvery):
			t.Error("the stream goes on")
		}
	}), Options{Authenticator: s, Public: true, Streams: StreamSSE, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://api/", nil))
}

// A handler that keeps its ResponseWriter writes into nobody else's answer.
func TestKeptResponseWriter(t *testing.T) {
	var kept http.ResponseWriter
	h, err := Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			kept = w
			return
		}
		io.WriteString(w, "mine,")
		io.WriteString(kept, "SECRET OF THE FIRST")
		kept.(http.Flusher).Flush()
		kept.WriteHeader(500)
		io.WriteString(w, "mine")
	}), Options{Public: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // the pool may drop what it is given
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://api/first", nil))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://api/second", nil))
		if w.Body.String() != "mine,mine" {
			t.Fatalf("the second caller got %q", w.Body)
		}
	}
}

// A handler that writes a body to a status without one is answered as net/http
// does it.
func TestBodyOfAStatusWithoutOne(t *testing.T) {
	h, err := Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(204)
		io.WriteString(w, "body")
	}), Options{Public: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 204 {
		t.Error(res.StatusCode)
	}
}
