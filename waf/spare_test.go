package waf

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// The process hears once that replays began, and once when they have been over.
func TestSpare(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var said []bool
	heard := func() []bool {
		mu.Lock()
		defer mu.Unlock()
		return append([]bool(nil), said...)
	}
	r := newReplays(ReplayConfig{Workers: 2}.WithDefaults(), nil)
	r.spare.tell = func(on bool) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, on)
	}
	by := Caller{Addr: netip.MustParseAddr("192.0.2.1")}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if err := r.run(context.Background(), by, func() error { time.Sleep(time.Millisecond); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := heard(); len(got) != 1 || !got[0] {
		t.Errorf("heard %v after five replays", got)
	}
	for deadline := time.Now().Add(20 * time.Second); len(heard()) < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never ended")
		}
	}
	if got := heard(); len(got) != 2 || got[1] {
		t.Errorf("heard %v in the end", got)
	}
}

// What cannot be proven and is large is refused before it costs anything; what is
// proven may be as large as it likes.
func TestReplayBytes(t *testing.T) {
	cfg := Config{Shadow: -1, Replay: ReplayConfig{Bytes: 1000}}.WithDefaults()
	w, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	g, err := w.Guard(cfg.Policy)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]error{
		`{"q":"` + strings.Repeat("tea ", 400) + `"}`:                nil,
		`{"q":"` + strings.Repeat("tea ", 400) + `' or 1=1--"}`:      errCostly,
		`{"q":"1' union select password from users where 'a'='a--"}`: nil,
	} {
		m := newMessage("POST", "/", "application/json", []byte(body))
		in, res, err := g.Inspect(context.Background(), m, Caller{})
		if err != want && !errors.Is(err, want) || want == nil && (err != nil || in.Proven == strings.Contains(body, "union") || in.Proven != (res.Interruption == nil)) {
			t.Errorf("%.30s: proven %v, %v", body, in.Proven, err)
		}
		in.Close()
	}
}

// A large request that was proven does not go through all rules for its answer's sake.
func TestReplayBytesOfAnswers(t *testing.T) {
	cfg := Config{Shadow: -1, Replay: ReplayConfig{Bytes: 1000}, Rules: RulesConfig{Responses: true}}.WithDefaults()
	w, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	g, err := w.Guard(cfg.Policy)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]error{10: nil, 400: errCostly} {
		m := newMessage("POST", "/", "application/json", []byte(`{"q":"`+strings.Repeat("tea ", n)+`"}`))
		in, _, err := g.Inspect(context.Background(), m, Caller{})
		if err != nil || !in.Proven {
			t.Fatal(in.Failed, err)
		}
		m.HasAnswer, m.Status, m.AnswerProto, m.HasAnswerBody = true, 200, "HTTP/1.1", true
		m.AnswerHeader = gatehouse.Header{{Name: "Content-Type", Value: "text/html"}}
		m.AnswerBody = []byte("<p>You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version</p>")
		res, err := in.Answer(context.Background(), m)
		if want == nil && (err != nil || res.Interruption == nil) || want != nil && !errors.Is(err, want) {
			t.Errorf("%d words: %v %v, want %v", n, res.Interruption, err, want)
		}
		in.Close()
	}
}
