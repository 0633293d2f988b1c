package lab

import (
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, flaws Flaws) *Shop {
	t.Helper()
	s, err := Open(Options{Seed: 7, Flaws: flaws})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// TestOracles runs every attack against the services themselves. With nobody in
// front each must succeed, which proves that its oracle can tell; and everything
// good must succeed as well.
func TestOracles(t *testing.T) {
	shop := open(t, AllFlaws())
	target := &Target{Shop: shop}
	var wg sync.WaitGroup
	gate := make(chan struct{}, 8)
	for i, a := range Attacks() {
		if a.OnlyGateway != "" {
			continue
		}
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			at := newAttempt(t.Context(), target, 7, i, 1200*time.Millisecond)
			defer at.close()
			missed, err := a.run(at)
			if err != nil || !missed {
				t.Errorf("%s %s: missed %v, %v; receipts %v\n%.300s", a.Class, a.Name, missed, err, shop.Receipts(at.run), at.haul.String())
			}
		})
	}
	wg.Wait()
}
