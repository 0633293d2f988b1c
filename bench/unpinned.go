package main

import "context"

// unpinned compares requests per second where the server, the load and the origin
// share both processors as the kernel sees fit.
func unpinned(ctx context.Context, b *bench) (result, error) {
	both := b.cpus.server + "," + b.cpus.load
	shared := *b
	shared.cpus = processors{server: both, load: both}
	s, err := newSides(ctx, &shared, nginxWorkers, false)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	script, err := plainScript(&shared, "GET", "/orders/1001", 0)
	if err != nil {
		return result{}, err
	}
	l := load{script: script, connections: 64}
	return b.inTurns(ctx, s, "requests/s", func(ctx context.Context, address string) (float64, error) {
		r, err := shared.wrk(ctx, address, l, b.length)
		return r.rate, err
	})
}
