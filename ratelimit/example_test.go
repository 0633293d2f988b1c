package ratelimit_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/ratelimit"
)

// Two calls a minute for each client, counted in memory.
func Example() {
	store := ratelimit.NewMemory(ratelimit.MemoryOptions{})
	rate, _ := ratelimit.ParseRate("2/min")
	limiter, err := ratelimit.New(ratelimit.Config{
		Levels: []ratelimit.Level{{Name: "client", Key: []string{"client"}, Rate: rate}},
	}, store, ratelimit.Deps{})
	if err != nil {
		fmt.Println(err)
		return
	}
	x := &gatehouse.Exchange{
		Start:     time.Now(),
		Principal: &gatehouse.Principal{Method: gatehouse.MethodAPIKey, ClientID: "web"},
	}
	x.Peer.Addr = netip.MustParseAddr("192.0.2.1")
	for range 3 {
		v, err := limiter.Caller().Check(context.Background(), x)
		fmt.Println(v.Outcome, v.Status, v.Reason.Code, err)
		for _, f := range v.Edits.Response {
			fmt.Printf("  %s: %s\n", f.Name, f.Value)
		}
	}
	// Output:
	// pass 0  <nil>
	//   RateLimit-Policy: "client";q=2;w=60
	//   RateLimit: "client";r=1;t=30
	// pass 0  <nil>
	//   RateLimit-Policy: "client";q=2;w=60
	//   RateLimit: "client";r=0;t=30
	// deny 429 limit.client <nil>
	//   Retry-After: 30
	//   RateLimit-Policy: "client";q=2;w=60
	//   RateLimit: "client";r=0;t=30
}
