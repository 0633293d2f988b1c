package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/ratelimit"
)

// limitAmong measures one level that counts by client, as the control asks it on
// the path: the digest of the key and the decision, clients in an order that no
// cache foresees. The RateLimit fields are in the note.
func limitAmong(clients int) func(context.Context, *bench) (result, error) {
	return func(ctx context.Context, _ *bench) (result, error) {
		r, err := limitOf(ctx, clients, false)
		if err != nil {
			return result{}, err
		}
		full, err := limitOf(ctx, clients, true)
		r.notes = append(r.notes, fmt.Sprintf("%.3f µs with the RateLimit and RateLimit-Policy fields of the answer", full.value))
		return r, err
	}
}

func limitOf(ctx context.Context, clients int, headers bool) (result, error) {
	store := ratelimit.NewMemory(ratelimit.MemoryOptions{MaxKeys: 1_000_000})
	limiter, err := ratelimit.New(ratelimit.Config{Headers: &headers, Levels: []ratelimit.Level{{Name: "client", Key: []string{"client"},
		// Slow enough that no key recovers, and is forgotten, while this runs.
		Rate: ratelimit.Rate{Count: 100_000, Per: 24 * time.Hour}}}}, store, ratelimit.Deps{})
	if err != nil {
		return result{}, err
	}
	control, x := limiter.Caller(), request("")
	var id [8]byte // written in place: making strings is not what is measured
	x.Principal = &gatehouse.Principal{Method: gatehouse.MethodJWT, Issuer: issuer, ClientID: unsafe.String(&id[0], len(id))}
	check := func(i uint64) error {
		x.Start = x.Start.Add(100 * time.Nanosecond)
		binary.BigEndian.PutUint64(id[:], i)
		if v, err := control.Check(ctx, x); err != nil || v.Outcome != gatehouse.Pass {
			return fmt.Errorf("limit: %v %v", v.Reason, err)
		}
		return nil
	}
	for i := range clients {
		if err := check(uint64(i)); err != nil {
			return result{}, err
		}
	}
	random := uint64(88172645463325252)
	r, err := scaled(ctx, func(n int) error {
		for range n {
			random ^= random << 13 // xorshift: cheaper than what is measured
			random ^= random >> 7
			random ^= random << 17
			if err := check(random % uint64(clients)); err != nil {
				return err
			}
		}
		return nil
	})
	if held := store.Stats().Keys; err == nil && held < clients*9/10 {
		return result{}, fmt.Errorf("limit: only %d of %d keys are remembered", held, clients)
	}
	return r, err
}

// limitBytes fills a store with keys of one call each and looks at the heap. How
// full the tables are depends on the number of keys, so several are tried.
func limitBytes(ctx context.Context, _ *bench) (result, error) {
	r := result{oursUnit: "bytes"}
	for _, keys := range []int{300_000, 600_000, 1_000_000} {
		before := heap()
		store := ratelimit.NewMemory(ratelimit.MemoryOptions{MaxKeys: 1_000_000})
		limit := ratelimit.Limit{Count: 1000, Period: time.Hour, Burst: 1000, Interval: time.Hour / 1000}
		asks, now := []ratelimit.Ask{{Limit: &limit}}, time.Now()
		for i := range keys {
			// As even as a digest is, which a Key is in the product.
			asks[0].Key = ratelimit.Key{Hi: mix(uint64(i)), Lo: mix(uint64(i) + 1<<40)}
			if refused, err := store.Decide(ctx, now, asks); err != nil || refused >= 0 {
				return result{}, errors.Join(errors.New("limit: refused"), err)
			}
		}
		r.runs = append(r.runs, float64(heap()-before)/float64(keys))
		r.value = max(r.value, r.runs[len(r.runs)-1])
		r.notes = append(r.notes, fmt.Sprintf("%d keys: %.1f bytes each", keys, r.runs[len(r.runs)-1]))
		runtime.KeepAlive(store)
	}
	r.ours = r.value
	return r, nil
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what has a finalizer goes in the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// mix is SplitMix64's output function.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
