package server

import (
	"context"
	"runtime/debug"
	"testing"
	"time"
)

// A small heap may grow by gcRoom, a large one as Go has it.
func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 1600, 1 << 20: 1600, 4 << 20: 800, 16 << 20: 200, 32 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(live, gcRoom); got != want {
			t.Errorf("%d bytes live: %d %%, want %d", live, got, want)
		}
	}
}

func TestSpareCollector(t *testing.T) {
	before := debug.SetGCPercent(gcUsual)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { SpareCollector(ctx); close(done) }()
	now := func() int {
		p := debug.SetGCPercent(gcUsual)
		debug.SetGCPercent(p)
		return p
	}
	for end := time.Now().Add(10 * time.Second); now() <= gcUsual; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the collector is as busy as before")
		}
	}
	cancel()
	<-done
	if p := now(); p != gcUsual {
		t.Errorf("%d %% are left behind", p)
	}
	t.Setenv("GOMEMLIMIT", "100MiB")
	SpareCollector(context.Background()) // who sets a limit is left alone
}
