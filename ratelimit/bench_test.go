package ratelimit

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// fill takes one call for each of n keys and returns the heap that cost.
func fill(m *Memory, n int, l Limit) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	now := time.Unix(1_800_000_000, 0)
	asks := []Ask{{Limit: &l}}
	for i := range n {
		asks[0].Key = key(uint64(i))
		_, _ = m.Decide(context.Background(), now, asks)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(m)
	return float64(after.HeapAlloc) - float64(before.HeapAlloc)
}

// benchmarkDecide measures a decision with its key's digest: one level, clients
// in an order the caches cannot foresee.
func benchmarkDecide(b *testing.B, keys int) {
	m := NewMemory(MemoryOptions{MaxKeys: 1_000_000})
	l := newLimit(Rate{1000, time.Hour}, 1000, false)
	bytes := fill(m, keys, l)
	now := time.Unix(1_800_000_000, 0)
	asks := []Ask{{Limit: &l}}
	names := make([][]byte, 1<<12)
	for i := range names {
		names[i] = fmt.Appendf(nil, "https://id.example.com\x00client-%d", i)
	}
	secret := m.Secret()
	ks := fixedKeys()
	var random, sum uint64 = 88172645463325252, 0
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		now = now.Add(time.Microsecond)
		sum += digest(secret[0], secret[1], names[i&(len(names)-1)]).Lo // what the path pays for a key
		asks[0].Key = ks[random%uint64(keys)]
		if _, err := m.Decide(context.Background(), now, asks); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(bytes/float64(keys), "B/key")
	sink = sum
}

var (
	sink      uint64
	fixedKeys = sync.OnceValue(func() []Key {
		ks := make([]Key, 1_000_000)
		for i := range ks {
			ks[i] = key(uint64(i))
		}
		return ks
	})
)

func BenchmarkDecide1k(b *testing.B) { benchmarkDecide(b, 1000) }
func BenchmarkDecide1M(b *testing.B) { benchmarkDecide(b, 1_000_000) }

// BenchmarkDecideParallel is one shared level and one level per caller.
func BenchmarkDecideParallel(b *testing.B) {
	m := NewMemory(MemoryOptions{})
	l := newLimit(Rate{1_000_000, time.Second}, 0, false)
	ks := fixedKeys()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		asks := []Ask{{Key: key(1), Limit: &l}, {Limit: &l}}
		for i := uint64(0); pb.Next(); i++ {
			asks[1].Key = ks[i%1000]
			_, _ = m.Decide(context.Background(), time.Unix(1_800_000_000, int64(i)*1000), asks)
		}
	})
}

func caller(addr, client, user string) *gatehouse.Exchange {
	x := &gatehouse.Exchange{
		ID: "01J00000000000000000000000", Start: time.Unix(1_800_000_000, 0),
		API:       &gatehouse.API{Name: "shop"},
		Principal: gatehouse.Anonymous,
	}
	x.Operation = &gatehouse.Operation{API: x.API, ID: "getOrder", Method: "GET", Path: "/orders/{id}", Endpoint: "GET /orders/{id}"}
	x.Peer.Addr = netip.MustParseAddr(addr)
	if client != "" || user != "" {
		x.Principal = &gatehouse.Principal{Method: gatehouse.MethodJWT, Issuer: "https://id.example.com", ClientID: client, Subject: user}
	}
	return x
}

// BenchmarkThreeLevels is the whole control: global, client and endpoint, with
// keys, headers and everything.
func BenchmarkThreeLevels(b *testing.B) {
	for _, headers := range []bool{true, false} {
		b.Run(fmt.Sprintf("headers=%v", headers), func(b *testing.B) {
			l, err := New(Config{Headers: &headers, Levels: []Level{
				{Name: "global", Rate: Rate{1_000_000, time.Second}},
				{Name: "client", Key: []string{"client"}, Rate: Rate{1_000_000, time.Second}},
				{Name: "endpoint", Key: []string{"client", "address", "endpoint"}, Rate: Rate{1_000_000, time.Second}},
			}}, NewMemory(MemoryOptions{}), Deps{})
			if err != nil {
				b.Fatal(err)
			}
			x, c := caller("192.0.2.1", "web", "anna"), l.Caller()
			b.ReportAllocs()
			for b.Loop() {
				x.Start = x.Start.Add(20 * time.Microsecond)
				if v, err := c.Check(context.Background(), x); err != nil || v.Outcome != gatehouse.Pass {
					b.Fatal(v, err)
				}
			}
		})
	}
}

// BenchmarkAdmit is what every call pays before identify.
func BenchmarkAdmit(b *testing.B) {
	l, err := New(Config{Levels: []Level{{Name: "address", Key: []string{"address"}, Rate: Rate{600, time.Minute}, Exact: true}}},
		NewMemory(MemoryOptions{}), Deps{})
	if err != nil {
		b.Fatal(err)
	}
	x, c := caller("192.0.2.1", "", ""), l.Admit()
	b.ReportAllocs()
	for b.Loop() {
		x.Start = x.Start.Add(101 * time.Millisecond)
		if v, err := c.Check(context.Background(), x); err != nil || v.Outcome != gatehouse.Pass {
			b.Fatal(v, err)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	p := []byte("chttps://id.example.com\x00web-frontend")
	for b.Loop() {
		sink += digest(1, 2, p).Lo
	}
}
