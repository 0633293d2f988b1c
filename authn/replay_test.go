package authn

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func idOf(n uint64) (id proofID) {
	binary.LittleEndian.PutUint64(id[:], n*0x9e3779b97f4a7c15)
	return id
}

// The store against a model that forgets nothing.
func TestReplayStoreNeverForgetsEarly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 12).Draw(t, "limit")
		s := newReplayStore()
		now := time.Unix(1_000_000, 0)
		until := map[uint64]time.Time{} // when each accepted proof may be accepted again
		live := func() (n int) {
			for _, e := range until {
				if !e.Before(now) {
					n++
				}
			}
			return n
		}
		t.Repeat(map[string]func(*rapid.T){
			"use": func(t *rapid.T) {
				n := rapid.Uint64Range(0, 20).Draw(t, "jti")
				window := time.Duration(rapid.IntRange(1, 60).Draw(t, "window")) * time.Second
				err := s.use(idOf(n), limit, now, now.Add(window))
				seen := !until[n].Before(now) && !until[n].IsZero()
				switch {
				case err == nil && seen:
					t.Fatalf("%d was accepted twice", n)
				case err == nil:
					until[n] = now.Add(window)
				case err == error(errProofReplayed) && until[n].IsZero():
					t.Fatalf("%d was never used and is called a replay", n)
				case err == error(errReplayFull) && s.len() < limit:
					t.Fatalf("refused as full with %d of %d", s.len(), limit)
				}
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				if s.len() > limit {
					t.Fatalf("%d proofs in a store for %d", s.len(), limit)
				}
				if live() > s.len() {
					t.Fatalf("%d proofs are live and %d remembered", live(), s.len())
				}
				entries := 0
				for i := range s.shards {
					entries += len(s.shards[i].seen)
				}
				if entries != s.len() {
					t.Fatalf("%d entries, counted %d", entries, s.len())
				}
			},
		})
	})
}

// With one window for all, what has expired makes room at once.
func TestReplayStoreMakesRoom(t *testing.T) {
	s, now := newReplayStore(), time.Unix(1_000_000, 0)
	for round := range uint64(5) {
		for n := range uint64(100) {
			if err := s.use(idOf(round*1000+n), 100, now, now.Add(time.Minute)); err != nil {
				t.Fatal(round, n, err)
			}
		}
		if err := s.use(idOf(round*1000+500), 100, now, now.Add(time.Minute)); err != error(errReplayFull) {
			t.Fatal("a full store accepts:", err)
		}
		if err := s.use(idOf(round*1000), 100, now, now.Add(time.Minute)); err != error(errProofReplayed) {
			t.Fatal("a full store still knows what it has seen:", err)
		}
		now = now.Add(time.Minute + time.Second)
	}
}

func TestReplayStoreAtomic(t *testing.T) {
	s, now := newReplayStore(), time.Unix(1_000_000, 0)
	var accepted atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for n := range uint64(200) {
				if s.use(idOf(n), 1000, now, now.Add(time.Minute)) == nil {
					accepted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if accepted.Load() != 200 || s.len() != 200 {
		t.Errorf("200 proofs were accepted %d times, %d remembered", accepted.Load(), s.len())
	}
}

func BenchmarkReplayStore(b *testing.B) {
	for _, size := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, now := newReplayStore(), time.Unix(1_000_000, 0)
			step := time.Minute / time.Duration(size/2)
			n := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				n++
				now = now.Add(step)
				if err := s.use(idOf(n), size, now, now.Add(time.Minute)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
