package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/telemetry"
	"github.com/gatehouse/gatehouse/jose"
	"github.com/gatehouse/gatehouse/policy"
	"github.com/gatehouse/gatehouse/ratelimit"
)

// protectedAllocs walks the path of the protected GET without sockets: the
// gateway, every control, metrics and the decision log are real; the origin's
// answer costs no allocation, and the client's neither.
func protectedAllocs(ctx context.Context, b *bench) (result, error) {
	key, err := jose.GenerateKey("2026-11", jose.ES256)
	if err != nil {
		return result{}, err
	}
	id, err := newIdentifier(b, key)
	if err != nil {
		return result{}, err
	}
	defer id.close()
	log, err := audit.Open(audit.Config{File: filepath.Join(b.dir, "allocs.jsonl")}, slog.New(slog.DiscardHandler))
	if err != nil {
		return result{}, err
	}
	defer log.Close()
	metrics := telemetry.NewMetrics(prometheus.NewRegistry(), telemetry.Options{})
	snapshot, err := protectedSnapshot(id)
	if err != nil {
		return result{}, err
	}
	g := gateway.New(snapshot, gateway.Equipment{Recorder: log, Observers: []gatehouse.Observer{metrics}})

	token, err := sign(key, "alice", time.Now())
	if err != nil {
		return result{}, err
	}
	fields := request(token).Request.Header
	x, w := &gatehouse.Exchange{}, &silentWriter{}
	socket := netip.MustParseAddrPort("192.0.2.7:41000")
	serve := func() {
		x.Start = time.Now()
		x.Peer.Socket, x.Peer.Listener = socket, "public"
		q := &x.Request
		q.Proto, q.Method, q.Scheme, q.Authority, q.Target = "HTTP/1.1", "GET", "http", host, "/orders/17?expand=items"
		q.Header = append(q.Header[:0], fields...)
		g.Serve(ctx, x, w)
		x.Reset()
	}
	const requests = 5000
	serve()
	if w.status != 200 || w.bytes != len(answerBody) {
		return result{}, fmt.Errorf("the path answers %d with %d bytes", w.status, w.bytes)
	}
	r := result{oursUnit: "allocs"}
	for range 5 {
		r.runs = append(r.runs, testing.AllocsPerRun(requests, serve))
	}
	r.value = median(r.runs)
	r.ours = r.value
	us, err := scaled(ctx, func(n int) error {
		for range n {
			serve()
		}
		return nil
	})
	r.notes = append(r.notes, fmt.Sprintf("%.2f µs of processor time for this part of the path (%.2f scaled)", us.ours, us.value))
	if fi, err := os.Stat(filepath.Join(b.dir, "allocs.jsonl")); err != nil || fi.Size() == 0 {
		return r, fmt.Errorf("the decision log is empty: %w", err)
	}
	return r, err
}

// protectedSnapshot is the protected GET as protectedAPI has it, with the controls
// in the product's order.
func protectedSnapshot(id *identifier) (*gateway.Snapshot, error) {
	api := &gatehouse.API{Name: "shop", Hosts: []string{host}, BasePath: "/"}
	paths := []struct{ id, method, path string }{
		{"getOrder", "GET", "/orders/{order_id}"}, {"listOrders", "GET", "/orders"}, {"createOrder", "POST", "/orders"},
		{"cancelOrder", "DELETE", "/orders/{order_id}"}, {"refundOrder", "POST", "/orders/{order_id}/refund"},
		{"getProfile", "GET", "/users/{user_id}"}, {"updateProfile", "PATCH", "/users/{user_id}"}, {"listItems", "GET", "/items"},
		{"getItem", "GET", "/items/{sku}"}, {"exportOrders", "GET", "/export"}}
	var ops []*gatehouse.Operation
	for _, p := range paths {
		op := &gatehouse.Operation{API: api, ID: p.id, Method: p.method, Path: p.path, Endpoint: p.method + " " + p.path}
		if p.id == "refundOrder" || p.id == "exportOrders" {
			op.Tags = []string{"admin"}
		}
		ops = append(ops, op)
	}
	ops[0].Scopes = []string{"orders:read"}
	set, err := policy.Compile(policy.Config{}.WithDefaults(), []policy.Source{{Name: "shop.cedar", Text: []byte(protectedPolicies)}},
		policy.Input{APIs: []*gatehouse.API{api}, Operations: ops, Issuers: []string{issuer}})
	if err != nil {
		return nil, err
	}
	rate := ratelimit.Rate{Count: 1_000_000, Per: time.Second}
	limiter, err := ratelimit.New(ratelimit.Config{Levels: []ratelimit.Level{
		{Name: "address", Key: []string{"address"}, Rate: rate},
		{Name: "client", Key: []string{"client"}, Rate: rate},
		{Name: "endpoint", Key: []string{"user", "endpoint"}, Rate: rate},
	}}, ratelimit.NewMemory(ratelimit.MemoryOptions{}), ratelimit.Deps{})
	if err != nil {
		return nil, err
	}
	concurrency, err := ratelimit.NewConcurrency(nil, nil, ratelimit.Deps{})
	if err != nil {
		return nil, err
	}
	var routes []*gateway.Route
	for _, op := range ops {
		routes = append(routes, &gateway.Route{Operation: op, Authenticator: id.Authenticator, AuthMode: gatehouse.Enforce,
			DefaultDeny: gatehouse.Enforce, Forwarder: instant{}, Timeout: 30 * time.Second, CSRF: &gateway.CSRF{Mode: gatehouse.Enforce},
			Vouch: gateway.Vouch{Keep: true, Headers: []string{"authorization", "dpop"}},
			Stages: []gateway.Stage{
				gateway.NewStage(gatehouse.StepAdmit, limiter.Admit(), gatehouse.Enforce),
				gateway.NewStage(gatehouse.StepJudgeHead, limiter.Caller(), gatehouse.Enforce),
				gateway.NewStage(gatehouse.StepJudgeHead, id.requirements, gatehouse.Enforce),
				gateway.NewStage(gatehouse.StepJudgeHead, set.Control(), gatehouse.Enforce),
				gateway.NewStage(gatehouse.StepJudgeBody, concurrency, gatehouse.Enforce),
			}})
	}
	site, err := gateway.NewSite(api, routes)
	if err != nil {
		return nil, err
	}
	router, err := gateway.NewRouter([]*gateway.Site{site})
	if err != nil {
		return nil, err
	}
	return &gateway.Snapshot{Hash: "bench", Router: router, Limits: gateway.DefaultLimits(),
		Risk: func(x *gatehouse.Exchange) uint8 { return limiter.Risk(context.Background(), x) }}, nil
}

var (
	answerBody   = []byte(originBody)
	answerHeader = gatehouse.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Content-Length", Value: "990"},
		{Name: "Date", Value: "Sat, 21 Nov 2026 12:00:00 GMT"}, {Name: "Server", Value: "nginx"}}
)

// instant answers without going anywhere.
type instant struct{}

func (instant) Forward(_ context.Context, _ *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	if err := w.WriteHead(200, answerHeader); err != nil {
		return err
	}
	_, err := w.Write(answerBody)
	return err
}

// silentWriter is a client that takes everything.
type silentWriter struct{ status, bytes int }

func (w *silentWriter) WriteHead(status int, _ gatehouse.Header) error {
	w.status, w.bytes = status, 0
	return nil
}
func (w *silentWriter) Write(p []byte) (int, error)          { w.bytes += len(p); return len(p), nil }
func (w *silentWriter) Flush() error                         { return nil }
func (w *silentWriter) WriteTrailer(gatehouse.Header) error  { return nil }
func (w *silentWriter) Upgrade() (io.ReadWriteCloser, error) { return nil, io.ErrClosedPipe }
