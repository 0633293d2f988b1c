package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// protectedAPI is ten operations; the measured one is getOrder.
const protectedAPI = `apis:
  - name: shop
    hosts: [shop.example.com]
    upstream: orders
    authenticate: [main]
    operations:
      - {get: "/orders/{order_id}", id: getOrder, scopes: [orders:read]}
      - {get: /orders, id: listOrders}
      - {post: /orders, id: createOrder}
      - {delete: "/orders/{order_id}", id: cancelOrder}
      - {post: "/orders/{order_id}/refund", id: refundOrder, tags: [admin]}
      - {get: "/users/{user_id}", id: getProfile}
      - {patch: "/users/{user_id}", id: updateProfile}
      - {get: /items, id: listItems}
      - {get: "/items/{sku}", id: getItem}
      - {get: /export, id: exportOrders, tags: [admin]}
`

// protectedPolicies are ten, of which six concern getOrder.
const protectedPolicies = `
@id("nothing risky") forbid (principal, action, resource) when { context.risk >= 80 };
@id("not from there") forbid (principal, action, resource) when { context.ip.isInRange(ip("198.51.100.0/24")) };
@id("clerks read orders") permit (principal in Role::"clerk", action == Action::"shop.getOrder", resource)
when { principal.scopes.contains("orders:read") };
@id("clerks list") permit (principal in Role::"clerk", action in [Action::"shop.listOrders", Action::"shop.listItems", Action::"shop.getItem"], resource);
@id("clerks order") permit (principal in Role::"clerk", action == Action::"shop.createOrder", resource)
when { principal.scopes.contains("orders:write") };
@id("own profile") permit (principal is User, action in [Action::"shop.getProfile", Action::"shop.updateProfile"], resource)
when { resource.params.user_id == principal.subject };
@id("support reads") permit (principal in Role::"support", action in Action::"read", resource);
@id("administrators administer") permit (principal in Role::"admin", action in Action::"tag:admin", resource);
@id("no writing by machines") forbid (principal is Client, action in Action::"write", resource);
@id("auditors read") permit (principal in Role::"auditor", action in Action::"read", resource) when { context.risk < 50 };
`

// protectedGet compares the gateway with everything on to a plain ReverseProxy
// with nothing on.
func protectedGet(ctx context.Context, b *bench) (result, error) {
	origin, address, err := startOrigin(ctx, b)
	if err != nil {
		return result{}, err
	}
	defer origin.stop()
	s, err := newSite(b, address, protectedAPI, protectedPolicies)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	if err := s.run(ctx, b, "/orders/1001"); err != nil {
		return result{}, err
	}
	script, err := s.script("/orders/")
	if err != nil {
		return result{}, err
	}
	peer, listen, err := startReverseProxy(ctx, b, address)
	if err != nil {
		return result{}, err
	}
	defer peer.stop()

	l := load{script: script, connections: 64}
	before, err := goMemory(s.admin)
	if err != nil {
		return result{}, err
	}
	pairs, notes, err := b.versus(ctx, contender{"gatehouse", s.process, s.address, l}, contender{"reverseproxy", peer, listen, l})
	if err != nil {
		return result{}, err
	}
	after, err := goMemory(s.admin)
	if err != nil {
		return result{}, err
	}
	notes = append(notes, after.perRequest(before))
	// The bar is an upper one: what everything costs over what nothing costs.
	return cost(pairs, notes, func(ours, theirs float64) float64 { return ours / theirs }), s.recorded(after.requests - before.requests)
}

// startReverseProxy builds and runs the plain httputil.ReverseProxy.
func startReverseProxy(ctx context.Context, b *bench, origin string) (*process, string, error) {
	binary, err := build(ctx, b.dir, "./peers/reverseproxy")
	if err != nil {
		return nil, "", err
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	p, err := start(b.cpus.server, "reverseproxy", binary, "-listen", listen, "-to", "http://"+origin)
	if err != nil {
		return nil, "", err
	}
	if err := p.await(ctx, "http://"+listen+"/", 200); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, listen, nil
}

// memory is what the Go runtime of a gateway has allocated, and for how much work.
type memory struct{ mallocs, bytes, requests float64 }

// perRequest says what was allocated for each request since before.
func (m memory) perRequest(before memory) string {
	served := m.requests - before.requests
	return fmt.Sprintf("%.1f allocations and %.0f bytes per request in the whole gateway", (m.mallocs-before.mallocs)/served, (m.bytes-before.bytes)/served)
}

// goMemory reads the gateway's metrics.
func goMemory(admin string) (memory, error) {
	status, _, text, err := get("http://"+admin+"/metrics", http.Header{})
	if err != nil || status != 200 {
		return memory{}, fmt.Errorf("metrics: status %d, %w", status, err)
	}
	var m memory
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if !strings.Contains(line, "{") {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		var v float64
		if _, err := fmt.Sscan(value, &v); err != nil {
			continue
		}
		switch {
		case name == "go_memstats_mallocs_total":
			m.mallocs = v
		case name == "go_memstats_alloc_bytes_total":
			m.bytes = v
		case strings.HasPrefix(name, "api_requests_total{"):
			m.requests += v
		}
	}
	if m.mallocs == 0 {
		return m, fmt.Errorf("metrics: no go_memstats_mallocs_total")
	}
	return m, nil
}
