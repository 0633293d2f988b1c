package waf

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func testWAF(t testing.TB, cfg Config) *WAF {
	t.Helper()
	cfg.Shadow = -1
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	w, err := New(cfg, Options{Files: os.DirFS(t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if err := w.Distrust(); err != nil {
		t.Fatal(err)
	}
	return w
}

func benignGET() *Message {
	return &Message{Client: netip.MustParseAddrPort("10.1.2.3:1234"), Server: netip.MustParseAddrPort("10.0.0.1:443"),
		Method: "GET", Target: "/v1/items?page=2&sort=name&q=shoes", Proto: "HTTP/1.1",
		Header: gatehouse.Header{{Name: "Host", Value: "shop.example"}, {Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}, {Name: "Accept", Value: "application/json, text/plain, */*"}, {Name: "Accept-Language", Value: "en-US,en;q=0.5"}, {Name: "Accept-Encoding", Value: "gzip, deflate, br"}, {Name: "Referer", Value: "https://shop.example/list"}, {Name: "Cookie", Value: "session=abc123def456; theme=dark"}, {Name: "Sec-Fetch-Dest", Value: "empty"}, {Name: "Sec-Fetch-Mode", Value: "cors"}, {Name: "Sec-Fetch-Site", Value: "same-origin"}, {Name: "Connection", Value: "keep-alive"}}}
}

func TestSmoke(t *testing.T) {
	w := testWAF(t, Config{})
	for pl := 1; pl <= 4; pl++ {
		g, err := w.Guard(Policy{Paranoia: pl, Inbound: 5, Outbound: 4})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("PL%d unprovable=%q\n", pl, g.Unprovable())
		in, res, err := g.Inspect(context.Background(), benignGET(), Caller{})
		fmt.Println(in.Proven, in.Failed, res.Rules, err)
		in.Close()
	}
}

// BenchmarkInspect is what the screen costs, beside the reference's cost.
func BenchmarkInspect(b *testing.B) {
	w := testWAF(b, Config{})
	for name, m := range benchmarkMessages() {
		for pl := 1; pl <= 4; pl += 3 {
			g, err := w.Guard(Policy{Paranoia: pl, Inbound: 5, Outbound: 4})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/PL%d/screen", name, pl), func(b *testing.B) {
				measured(b, func() {
					in, _, err := g.Inspect(context.Background(), m, Caller{})
					if err != nil || !in.Proven {
						b.Fatal(err, in.Failed)
					}
					in.Close()
				})
			})
			b.Run(fmt.Sprintf("%s/PL%d/reference", name, pl), func(b *testing.B) {
				measured(b, func() {
					t, _, err := w.reference.open(context.Background(), g.profile, m)
					if err != nil {
						b.Fatal(err)
					}
					t.close()
				})
			})
		}
	}
}

// measured runs f and reports its processor time, which a loaded machine changes
// less than the time on the wall.
func measured(b *testing.B, f func()) {
	b.ReportAllocs()
	f()
	b.ResetTimer()
	used, n := processorTime(), 0
	for b.Loop() {
		f()
		n++
	}
	b.ReportMetric(float64(processorTime()-used)/float64(n), "cpu-ns/op")
}

// processorTime is what this process has used up, in nanoseconds.
func processorTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
