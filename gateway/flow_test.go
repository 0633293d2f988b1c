package gateway

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func TestFlowEnds(t *testing.T) {
	revoked := &gatehouse.Error{Code: "token.revoked", Status: 401}
	for _, c := range []struct {
		name  string
		end   func(parent context.CancelFunc, f *flow)
		until time.Duration
		code  string
	}{
		{"with the client", func(parent context.CancelFunc, _ *flow) { parent() }, 0, ""},
		{"when the time is up", func(context.CancelFunc, *flow) {}, 20 * time.Millisecond, "upstream.timeout"},
		{"with a cause", func(_ context.CancelFunc, f *flow) { f.cancel(revoked) }, time.Hour, "token.revoked"},
		{"only once", func(parent context.CancelFunc, f *flow) { f.cancel(revoked); parent(); f.cancel(errRouteTimeout) }, time.Hour, "token.revoked"},
	} {
		for _, waits := range []bool{true, false} {
			t.Run(c.name, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.Background())
				defer cancel()
				var until time.Time
				if c.until > 0 {
					until = time.Now().Add(c.until)
				}
				f := newFlow(parent, until)
				if f.Err() != nil {
					t.Fatal("ended at once")
				}
				child, stop := context.WithCancel(f)
				defer stop()
				var done <-chan struct{}
				if waits {
					done = f.Done()
				}
				c.end(cancel, f)
				if !waits {
					time.Sleep(min(c.until, 20*time.Millisecond) + 5*time.Millisecond)
					if f.Err() == nil {
						t.Fatal("nobody waited, and it goes on")
					}
					done = f.Done()
				}
				select {
				case <-done:
				case <-time.After(5 * time.Second):
					t.Fatal("goes on")
				}
				<-child.Done()
				var e *gatehouse.Error
				if c.code != "" && (!errors.As(f.Err(), &e) || e.Code != c.code) || !errors.Is(f.Err(), context.Canceled) {
					t.Errorf("%v", f.Err())
				}
			})
		}
	}
	f := newFlow(context.Background(), time.Now().Add(20*time.Millisecond))
	f.Done()
	f.lift()
	time.Sleep(60 * time.Millisecond)
	if f.Err() != nil {
		t.Error("a lifted limit holds")
	}
}
