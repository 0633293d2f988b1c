package authn

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func remembered(token string, until time.Time) *cached {
	return &cached{token: token, verified: verified{issuer: token, expires: until}}
}

// Whatever happens, a token is only ever answered by its own entry, the bounds
// hold, and the books agree.
func TestTokenCacheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newTokenCache(cacheShards * 4)
		c.bytes = 200
		latest := map[string]*cached{}
		now := jwtNow
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				token := strings.Repeat("x", rapid.IntRange(0, 80).Draw(t, "length")) + fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "n"))
				// Hashes that collide: one shard, few values.
				e := remembered(token, now.Add(time.Duration(rapid.IntRange(-1, 5).Draw(t, "ttl"))*time.Second))
				c.put(uint64(len(token)%7), e, now)
				latest[token] = e
			},
			"get": func(t *rapid.T) {
				for token, want := range latest {
					if got := c.get(uint64(len(token)%7), token); got != nil && got != want {
						t.Fatalf("%q answered by %q", token, got.token)
					}
				}
			},
			"wait": func(*rapid.T) { now = now.Add(time.Second) },
			"": func(t *rapid.T) {
				for i := range c.shards {
					s := &c.shards[i]
					bytes := 0
					for _, e := range s.ring {
						bytes += len(e.token)
						if s.found[e.hash] != e {
							t.Fatal("the ring and the map disagree")
						}
					}
					if bytes != s.bytes || len(s.ring) != len(s.found) || len(s.ring) > c.size || (bytes > c.bytes && len(s.ring) > 1) {
						t.Fatalf("%d entries, %d found, %d bytes, %d counted", len(s.ring), len(s.found), bytes, s.bytes)
					}
				}
			},
		})
	})
}

func TestTokenCacheSecondChance(t *testing.T) {
	c := newTokenCache(cacheShards * 4)
	later := jwtNow.Add(time.Hour)
	for i := range uint64(4) {
		c.put(i, remembered(fmt.Sprint(i), later), jwtNow)
	}
	c.get(0, "0")
	c.get(2, "2")
	c.put(4, remembered("4", later), jwtNow)
	for i, want := range []bool{true, false, true, true, true} {
		if got := c.get(uint64(i), fmt.Sprint(i)) != nil; got != want {
			t.Errorf("%d is remembered: %v", i, got)
		}
	}
}

// Many at once: for the race detector.
func TestTokenCacheParallel(t *testing.T) {
	c := newTokenCache(cacheShards * 8)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				token := fmt.Sprint((i * (w + 1)) % 1500)
				hash := c.hash(token)
				if e := c.get(hash, token); e == nil {
					c.put(hash, remembered(token, jwtNow), jwtNow)
				} else if e.verified.issuer != token {
					t.Errorf("%s answered by %s", token, e.verified.issuer)
				}
			}
		})
	}
	wg.Wait()
	if n := c.len(); n > cacheShards*8 {
		t.Errorf("%d are remembered", n)
	}
}
