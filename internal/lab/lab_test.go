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

// attackAll makes one attempt of each case, some at once.
func attackAll(t *testing.T, target *Target, attacks []Attack, see func(a Attack, missed bool, err error, at *attempt)) {
	t.Helper()
	var wg sync.WaitGroup
	gate := make(chan struct{}, 8)
	for i, a := range attacks {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			at := newAttempt(t.Context(), target, 7, i, 1200*time.Millisecond)
			defer at.close()
			missed, err := a.run(at)
			see(a, missed, err, at)
		})
	}
	wg.Wait()
}

// TestOracles runs every attack against the services themselves. With nobody in
// front each must succeed, which proves that its oracle can tell.
func TestOracles(t *testing.T) {
	t.Parallel()
	shop := open(t, AllFlaws())
	var provable []Attack
	for _, a := range Attacks() {
		if a.OnlyGateway == "" {
			provable = append(provable, a)
		}
	}
	if len(provable) < 200 {
		t.Errorf("only %d attacks prove their oracle", len(provable))
	}
	attackAll(t, &Target{Shop: shop}, provable, func(a Attack, missed bool, err error, at *attempt) {
		if err != nil || !missed {
			t.Errorf("%s %s: missed %v, %v; receipts %v\n%.300s", a.Class, a.Name, missed, err, shop.Receipts(at.run), at.haul.String())
		}
	})
}

// TestFlawsOff runs attacks against a shop that defends itself: each switch
// really is what its attacks live on.
func TestFlawsOff(t *testing.T) {
	t.Parallel()
	shop := open(t, Flaws{})
	// What remains is not a matter of a switch: limits that only a front keeps, a
	// revocation list that only the gateway has, proofs no service checks.
	left := map[string]bool{"login-distributed": true, "flood-endpoint": true, "flood-user": true, "flood-address": true,
		"flood-spoofed": true, "flood-spellings": true, "huge-upload": true, "connection-flood": true, "slow-body": true,
		"bfla-scope": true, "review-spam": true, "bulk-export": true, "smuggle-pipelined": true, "stream-outlives-token": true, "host-suffix": true}
	var attacks []Attack
	for _, a := range Attacks() {
		if a.OnlyGateway == "" && !left[a.Name] && !a.slow && a.Class != API2 {
			attacks = append(attacks, a)
		}
	}
	attackAll(t, &Target{Shop: shop}, attacks, func(a Attack, missed bool, err error, at *attempt) {
		if err != nil || missed {
			t.Errorf("%s %s: missed %v, %v; receipts %v\n%.300s", a.Class, a.Name, missed, err, shop.Receipts(at.run), at.haul.String())
		}
	})
}

// TestAttacksAreNamed checks what reports and documents rely on.
func TestAttacksAreNamed(t *testing.T) {
	seen := map[string]bool{}
	classes := map[Class]int{}
	for _, a := range Attacks() {
		if a.Name == "" || a.Title == "" || a.Room == "" || a.Class < API1 || a.Class > API10 || seen[a.Name] {
			t.Errorf("%+v", a)
		}
		seen[a.Name] = true
		classes[a.Class]++
	}
	for c := API1; c <= API10; c++ {
		if classes[c] == 0 {
			t.Errorf("no attack of class %s", c)
		}
	}
}

// TestGoodClients lets everybody who means well use the shop directly, with its
// flaws and without.
func TestGoodClients(t *testing.T) {
	for name, flaws := range map[string]Flaws{"careless shop": AllFlaws(), "careful shop": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := &Target{Shop: open(t, flaws)}
			var wg sync.WaitGroup
			defer wg.Wait()
			for i := range len(roles()) {
				p := newPersona(target, 7, i)
				if !flaws.BrokenAuth && (p.kind.name == "settlement" || p.kind.name == "browser") {
					continue // certificates and cookies are the gateway's to read
				}
				wg.Go(func() {
					defer p.close()
					if err := p.kind.enter(p, t.Context()); err != nil {
						t.Errorf("%s: %v", p.kind.name, err)
						return
					}
					for _, s := range p.kind.steps {
						if err := s.do(p, t.Context()); err != nil {
							t.Errorf("%s/%s: %v", p.kind.name, s.name, err)
						}
					}
				})
			}
		})
	}
}
