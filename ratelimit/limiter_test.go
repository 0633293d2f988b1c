package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/google/go-cmp/cmp"
)

var start = time.Unix(1_800_000_000, 0)

func limiter(t *testing.T, cfg Config) (*Limiter, *Memory) {
	t.Helper()
	m := NewMemory(MemoryOptions{MaxKeys: 10_000})
	return with(t, cfg, m), m
}

func with(t *testing.T, cfg Config, m *Memory) *Limiter {
	t.Helper()
	l, err := New(cfg, m, Deps{Upstream: func(x *gatehouse.Exchange) string { return x.API.Name + "-service" }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func perMin(n int64) Rate { return Rate{n, time.Minute} }

// call walks the part of the path that belongs to this room, both controls in
// enforce, and returns the denial's code or "".
func call(t *testing.T, l *Limiter, x *gatehouse.Exchange) string {
	t.Helper()
	code := judge(t, l, x)
	x.Decision.Result = gatehouse.Answered
	if code != "" {
		x.Decision.Result = gatehouse.Blocked
	}
	finish(l, x)
	x.Decision = gatehouse.Decision{}
	return code
}

func judge(t *testing.T, l *Limiter, x *gatehouse.Exchange) string {
	t.Helper()
	for _, c := range []gatehouse.Control{l.Admit(), l.Caller()} {
		v, err := c.Check(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		x.Decision.Judge(gatehouse.Judgment{Control: c.Name(), Mode: gatehouse.Enforce, Verdict: v})
		if v.Outcome == gatehouse.Deny {
			return v.Reason.Code
		}
		if v.Outcome != gatehouse.Pass {
			t.Fatalf("%s: %v", c.Name(), v.Outcome)
		}
	}
	return ""
}

func finish(l *Limiter, x *gatehouse.Exchange) {
	l.Admit().(gatehouse.Finisher).Finish(x)
	l.Caller().(gatehouse.Finisher).Finish(x)
}

// passes counts how many of n calls pass.
func passes(t *testing.T, l *Limiter, x *gatehouse.Exchange, n int) (passed int) {
	t.Helper()
	for range n {
		if call(t, l, x) == "" {
			passed++
		}
	}
	return passed
}

func operation(x *gatehouse.Exchange, id string, tags ...string) *gatehouse.Exchange {
	x.Operation = &gatehouse.Operation{API: x.API, ID: id, Endpoint: "GET /" + id, Tags: tags}
	return x
}

func TestEachLevel(t *testing.T) {
	base := func() *gatehouse.Exchange { return operation(caller("192.0.2.1", "web", "anna"), "list") }
	tests := []struct {
		key  string
		same func(x *gatehouse.Exchange) // still counts together
		not  func(x *gatehouse.Exchange) // counts apart; nil: nothing does
	}{
		{"", func(x *gatehouse.Exchange) { *x = *caller("203.0.113.9", "app", "bob") }, nil},
		{"api", func(x *gatehouse.Exchange) { *x = *caller("203.0.113.9", "app", "bob") },
			func(x *gatehouse.Exchange) { x.API = &gatehouse.API{Name: "billing"} }},
		{"upstream", func(x *gatehouse.Exchange) { operation(x, "other") },
			func(x *gatehouse.Exchange) { x.API = &gatehouse.API{Name: "billing"} }},
		{"operation", func(x *gatehouse.Exchange) { x.Peer.Addr = netip.MustParseAddr("203.0.113.9") },
			func(x *gatehouse.Exchange) { operation(x, "other") }},
		{"endpoint", func(x *gatehouse.Exchange) { x.Principal = gatehouse.Anonymous },
			func(x *gatehouse.Exchange) { operation(x, "other") }},
		{"client", func(x *gatehouse.Exchange) { *x = *caller("203.0.113.9", "web", "bob") },
			func(x *gatehouse.Exchange) { *x = *caller("192.0.2.1", "app", "anna") }},
		{"user", func(x *gatehouse.Exchange) { *x = *caller("203.0.113.9", "app", "anna") },
			func(x *gatehouse.Exchange) { *x = *caller("192.0.2.1", "web", "bob") }},
		{"address", func(x *gatehouse.Exchange) { *x = *caller("192.0.2.1", "app", "bob") },
			func(x *gatehouse.Exchange) { x.Peer.Addr = netip.MustParseAddr("192.0.2.2") }},
		{"client address endpoint", func(x *gatehouse.Exchange) { x.Principal = caller("192.0.2.1", "web", "bob").Principal },
			func(x *gatehouse.Exchange) { operation(x, "other") }},
	}
	for _, tt := range tests {
		for _, exact := range []bool{false, true} {
			l, _ := limiter(t, Config{Levels: []Level{{Name: "it", Key: strings.Fields(tt.key), Rate: perMin(3), Exact: exact}}})
			x := base()
			if n := passes(t, l, x, 10); n != 3 {
				t.Errorf("key [%s]: %d of 10 calls pass a limit of 3", tt.key, n)
			}
			x = base()
			tt.same(x)
			if code := call(t, l, x); code != "limit.it" {
				t.Errorf("key [%s]: a call that counts together got %q", tt.key, code)
			}
			if tt.not == nil {
				continue
			}
			x = base()
			tt.not(x)
			if code := call(t, l, x); code != "" {
				t.Errorf("key [%s]: a call that counts apart got %q", tt.key, code)
			}
			x = base()
			x.Start = x.Start.Add(2 * time.Minute)
			if code := call(t, l, x); code != "" {
				t.Errorf("key [%s]: after two minutes %q", tt.key, code)
			}
		}
	}
}

// The same id of two issuers is two clients.
func TestIssuersApart(t *testing.T) {
	l, _ := limiter(t, Config{Levels: []Level{{Name: "client", Key: []string{"client"}, Rate: perMin(1)}}})
	x := caller("192.0.2.1", "web", "anna")
	other := caller("192.0.2.1", "web", "anna")
	other.Principal.Issuer = "https://other.example.com"
	if call(t, l, x) != "" || call(t, l, other) != "" || call(t, l, x) == "" {
		t.Error("clients of two issuers count together")
	}
}

func TestIPv6CountsBySlash64(t *testing.T) {
	l, _ := limiter(t, Config{Levels: []Level{{Name: "address", Key: []string{"address"}, Rate: perMin(2)}}})
	got := []string{}
	for _, a := range []string{"2001:db8::1", "2001:db8::ffff:1%eth0", "2001:db8:0:0:ff00::1", "2001:db8:0:1::1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"} {
		got = append(got, call(t, l, caller(a, "", "")))
	}
	want := []string{"", "", "limit.address", "", "", "", "limit.address", ""}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Login 5, profile 60, export 2, else 100 a minute.
func TestTablePerEndpoint(t *testing.T) {
	l, _ := limiter(t, Config{
		Levels: []Level{{Name: "endpoint", Key: []string{"client", "address", "endpoint"}, Rate: perMin(100),
			Operations: map[string]Rate{"login": perMin(5), "getProfile": perMin(60), "export": perMin(2), "slow": perMin(1)}}},
		Tiers:     map[string]map[string]Rate{"gold": {"endpoint": perMin(200)}},
		Suspicion: SuspicionConfig{Factor: 1},
	})
	for _, tt := range []struct {
		op   string
		tags []string
		want int
	}{
		{"login", nil, 5}, {"getProfile", []string{"export"}, 60}, {"exportOrders", []string{"read", "export"}, 2},
		{"exportAll", []string{"export", "slow"}, 1}, {"list", []string{"read"}, 100},
	} {
		x := operation(caller("192.0.2.1", "web", "anna"), tt.op, tt.tags...)
		if n := passes(t, l, x, 150); n != tt.want {
			t.Errorf("%s %v: %d pass, want %d", tt.op, tt.tags, n, tt.want)
		}
	}
	x := operation(caller("192.0.2.1", "app", "anna"), "login")
	x.Principal.Tier = "gold"
	if n := passes(t, l, x, 20); n != 5 {
		t.Errorf("a tier loosened the limit of an operation: %d pass", n)
	}
}

func TestTiers(t *testing.T) {
	l, _ := limiter(t, Config{
		Levels: []Level{{Name: "client", Key: []string{"client"}, Rate: perMin(30), Burst: 10},
			{Name: "user", Key: []string{"user"}, Rate: perMin(1000)}},
		Tiers: map[string]map[string]Rate{"free": {"client": perMin(6)}, "gold": {"client": perMin(300)}, "odd": {"user": perMin(4)}},
	})
	for _, tt := range []struct {
		tier string
		want int
	}{{"", 10}, {"free", 2}, {"gold", 100}, {"unknown", 10}, {"odd", 4}} {
		x := caller("192.0.2.1", "client-"+tt.tier, "user-"+tt.tier)
		x.Principal.Tier = tt.tier
		if n := passes(t, l, x, 150); n != tt.want {
			t.Errorf("tier %q: %d calls at once, want %d", tt.tier, n, tt.want)
		}
	}
}

// A call that its own level refuses takes nothing from the shared ones.
func TestRefusedTakesNothingShared(t *testing.T) {
	l, m := limiter(t, Config{Levels: []Level{
		{Name: "global", Rate: perMin(20)}, {Name: "api", Key: []string{"api"}, Rate: perMin(20), Exact: true},
		{Name: "upstream", Key: []string{"upstream"}, Rate: perMin(20)},
		{Name: "address", Key: []string{"address"}, Rate: perMin(1000)},
		{Name: "client", Key: []string{"client"}, Rate: perMin(5)},
	}})
	if n := passes(t, l, caller("192.0.2.1", "greedy", ""), 500); n != 5 {
		t.Fatalf("%d calls passed", n)
	}
	for i := range 3 {
		if n := passes(t, l, caller("192.0.2.2", fmt.Sprint("good-", i), ""), 5); n != 5 {
			t.Errorf("a good client was refused after %d calls", n)
		}
	}
	if code := call(t, l, caller("192.0.2.2", "late", "")); code != "limit.global" && code != "limit.api" && code != "limit.upstream" {
		t.Errorf("the shared levels are used up, but got %q", code)
	}
	if list, _ := m.Suspects(context.Background(), start, 10); len(list) != 1 || list[0].Name != "https://id.example.com#greedy" {
		t.Errorf("suspects: %v", list)
	}
}

// What another control refuses is given back to the shared levels, and only to
// them.
func TestRefusedLaterGivesBack(t *testing.T) {
	for _, exact := range []bool{false, true} {
		l, _ := limiter(t, Config{Levels: []Level{
			{Name: "global", Rate: perMin(10), Exact: exact},
			{Name: "client", Key: []string{"client"}, Rate: perMin(200)},
		}})
		end := func(x *gatehouse.Exchange, result gatehouse.Result, attempts int) {
			x.Decision.Result, x.Decision.By, x.Decision.Upstream.Attempts = result, "policy", attempts
			x.Decision.Total = time.Millisecond
			finish(l, x)
			x.Decision = gatehouse.Decision{}
		}
		x := caller("192.0.2.1", "web", "")
		for i := range 100 {
			if code := judge(t, l, x); code != "" {
				t.Fatalf("exact=%v: call %d refused by policy used up %s", exact, i, code)
			}
			end(x, gatehouse.Blocked, 0)
		}
		// What reached the upstream stays taken, whatever became of the answer.
		for range 10 {
			if code := judge(t, l, x); code != "" {
				t.Fatal(code)
			}
			end(x, gatehouse.Blocked, 1)
		}
		if code := judge(t, l, x); code != "limit.global" {
			t.Errorf("exact=%v: got %q", exact, code)
		}
		end(x, gatehouse.Blocked, 0) // refused by this very control: nothing to give back
		if code := judge(t, l, x); code != "limit.global" {
			t.Errorf("exact=%v: a refused call gave something back", exact)
		}
		x.Decision = gatehouse.Decision{}
		x.Start = x.Start.Add(2 * time.Minute)
		if n := passes(t, l, x, 10); n != 10 {
			t.Errorf("exact=%v: %d pass", exact, n)
		}
	}
}

func TestSuspicion(t *testing.T) {
	ctx := context.Background()
	l, _ := limiter(t, Config{Levels: []Level{
		{Name: "global", Rate: perMin(1000)},
		{Name: "address", Key: []string{"address"}, Rate: perMin(400)},
		{Name: "client", Key: []string{"client"}, Rate: perMin(40)},
		{Name: "narrow", Key: []string{"client", "api"}, Rate: Rate{1000, time.Second}},
		{Name: "user", Key: []string{"user"}, Rate: perMin(100)},
	}})
	x := caller("192.0.2.1", "web", "anna")
	if n := passes(t, l, x, 40); n != 40 || l.Risk(ctx, x) != 0 {
		t.Fatalf("%d calls, risk %d: keeping a limit is no reason for suspicion", n, l.Risk(ctx, x))
	}
	if code := call(t, l, x); code != "limit.client" {
		t.Fatal(code)
	}
	if ok, _ := l.Suspicious(ctx, x.Start, "client", "https://id.example.com#web"); !ok {
		t.Fatal("the client is not suspicious")
	}
	if r := l.Risk(ctx, x); r != riskCaller {
		t.Errorf("risk %d", r)
	}
	// A quarter for that client, all of it for its user elsewhere.
	x.Start = start.Add(2 * time.Minute)
	if n := passes(t, l, x, 40); n != 10 {
		t.Errorf("a suspicious client has %d of 40", n)
	}
	y := caller("192.0.2.1", "app", "anna")
	y.Start = start.Add(4 * time.Minute)
	if n := passes(t, l, y, 40); n != 40 {
		t.Errorf("another client of the same user and address has %d of 40", n)
	}
	// Breaking the quarter does not extend the hour.
	x.Start = start.Add(time.Hour - time.Second)
	if n := passes(t, l, x, 40); n != 10 {
		t.Errorf("after nearly an hour %d of 40", n)
	}
	x.Start = start.Add(time.Hour + 2*time.Minute)
	if n := passes(t, l, x, 40); n != 40 {
		t.Errorf("after an hour %d of 40", n)
	}
	// Forgetting.
	call(t, l, x)
	if list, _ := l.Snapshot(ctx, x.Start, 10); len(list) != 1 || list[0].Level != "client" || list[0].Kind != "client" {
		t.Errorf("snapshot: %+v", list)
	}
	if ok, _ := l.Forget(ctx, x.Start, "client", "https://id.example.com#web"); !ok || l.Risk(ctx, x) != 0 {
		t.Error("not forgotten")
	}
	if ok, _ := l.Forget(ctx, x.Start, "client", "nobody"); ok {
		t.Error("forgot nobody")
	}
}

func TestSuspicionLeavesOne(t *testing.T) {
	for _, exact := range []bool{false, true} {
		l, _ := limiter(t, Config{Levels: []Level{{Name: "user", Key: []string{"user"}, Rate: perMin(2), Exact: exact}}})
		x := caller("192.0.2.1", "web", "anna")
		if n := passes(t, l, x, 10); n != 2 {
			t.Fatalf("%d", n)
		}
		x.Start = x.Start.Add(2 * time.Minute)
		if n := passes(t, l, x, 10); n != 1 {
			t.Errorf("a quarter of 2 lets %d pass", n)
		}
	}
}

// The kinds and names of suspects, and who never is one.
func TestWhoBecomesSuspicious(t *testing.T) {
	anonymous, known := caller("2001:db8::1", "", ""), caller("2001:db8::1", "web", "anna")
	bare := caller("2001:db8::1", "web", "anna")
	bare.Peer.Addr = netip.Addr{}
	odd := caller("2001:db8::1", "we\nb\x1b[2J", "")
	odd.Principal.Issuer = ""
	for _, tt := range []struct {
		key, want string
		x         *gatehouse.Exchange
	}{
		{"", "", known}, {"api", "", known}, {"endpoint", "", known}, {"upstream", "", known},
		{"client", "client https://id.example.com#web", known},
		{"client endpoint", "client https://id.example.com#web", known},
		{"user", "user https://id.example.com#anna", known},
		{"address", "address 2001:db8::/64", known},
		{"address", "address 2001:db8::/64", anonymous},
		{"client address endpoint", "client+address https://id.example.com#web 2001:db8::/64", known},
		{"client", "", anonymous}, {"user", "", anonymous}, {"client address", "", anonymous},
		{"user address", "", bare}, {"address", "", bare},
		{"client", "client we?b?[2J", odd},
	} {
		l, m := limiter(t, Config{Levels: []Level{{Name: "it", Key: strings.Fields(tt.key), Rate: perMin(3)}}})
		if n := passes(t, l, tt.x, 10); n != 3 {
			t.Errorf("[%s]: %d pass", tt.key, n)
		}
		got := ""
		list, _ := m.Suspects(context.Background(), start, 10)
		for _, s := range list {
			got += s.Kind + " " + s.Name
			if ok, _ := l.Suspicious(context.Background(), start, s.Kind, s.Name); !ok {
				t.Errorf("%s %s is listed but not found", s.Kind, s.Name)
			}
		}
		if got != tt.want {
			t.Errorf("[%s] marks %q, want %q", tt.key, got, tt.want)
		}
	}
	l, _ := limiter(t, Config{Levels: []Level{{Name: "it", Key: []string{"address"}, Rate: perMin(1)}}})
	passes(t, l, known, 2)
	for _, name := range []string{"2001:db8::77", "2001:db8::/64"} {
		if ok, _ := l.Suspicious(context.Background(), start, "address", name); !ok {
			t.Errorf("%s is not found", name)
		}
	}
	if r := l.Risk(context.Background(), known); r != riskAddress {
		t.Errorf("risk %d", r)
	}
}

// Strangers share no client: each counts by address.
func TestAnonymousCountsByAddress(t *testing.T) {
	l, _ := limiter(t, Config{Levels: []Level{{Name: "client", Key: []string{"client"}, Rate: perMin(2)}}})
	if n := passes(t, l, caller("192.0.2.1", "", ""), 5); n != 2 {
		t.Errorf("%d pass", n)
	}
	if n := passes(t, l, caller("192.0.2.2", "", ""), 5); n != 2 {
		t.Errorf("from another address %d pass", n)
	}
}

// Counts and suspicions survive a reload.
func TestReload(t *testing.T) {
	cfg := Config{Levels: []Level{{Name: "client", Key: []string{"client"}, Rate: perMin(8)}}}
	l, m := limiter(t, cfg)
	x := caller("192.0.2.1", "web", "")
	passes(t, l, x, 9)
	l = with(t, cfg, m)
	if code := call(t, l, x); code != "limit.client" {
		t.Errorf("after a reload: %q", code)
	}
	x.Start = x.Start.Add(2 * time.Minute)
	if n := passes(t, l, x, 9); n != 2 {
		t.Errorf("after a reload a suspect has %d of 8", n)
	}
	// At another rate the part that is used up stays used up.
	cfg.Levels[0].Rate = perMin(80)
	x.Start = start.Add(3 * time.Hour)
	passes(t, l, x, 4)
	if n := passes(t, with(t, cfg, m), x, 100); n != 40 {
		t.Errorf("%d of 80 pass after half of the limit was taken at the old rate", n)
	}
}

// fields renders the header fields a verdict asks for.
func fields(v gatehouse.Verdict) string {
	var b strings.Builder
	for _, f := range v.Edits.Response {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	return b.String()
}

func TestHeaders(t *testing.T) {
	l, _ := limiter(t, Config{Levels: []Level{
		{Name: "address", Key: []string{"address"}, Rate: perMin(7)},
		{Name: "client", Key: []string{"client"}, Rate: Rate{4, 10 * time.Second}},
		{Name: "global", Rate: Rate{1000, time.Second}, At: gatehouse.Position{File: "gatehouse.yaml", Line: 7}},
	}, Suspicion: SuspicionConfig{Factor: 1}})
	x, ctx := caller("192.0.2.1", "web", "anna"), context.Background()
	v, _ := l.Admit().Check(ctx, x)
	if got, want := fields(v), "RateLimit-Policy: \"address\";q=7;w=60\nRateLimit: \"address\";r=6;t=9\n"; got != want {
		t.Errorf("address: %s", got)
	}
	x.Decision.Judge(gatehouse.Judgment{Control: AddressControl, Mode: gatehouse.Enforce, Verdict: v})
	v, _ = l.Caller().Check(ctx, x)
	if got, want := fields(v), "RateLimit-Policy: \"client\";q=4;w=10\nRateLimit: \"client\";r=3;t=3\n"; got != want {
		t.Errorf("client: %s", got)
	}
	for range 3 {
		l.Caller().Check(ctx, x)
	}
	x.Start = x.Start.Add(100 * time.Millisecond)
	v, _ = l.Caller().Check(ctx, x)
	if got, want := fields(v), "Retry-After: 3\nRateLimit-Policy: \"client\";q=4;w=10\nRateLimit: \"client\";r=0;t=3\n"; got != want || v.Status != 429 {
		t.Errorf("denied: %d %s", v.Status, got)
	}
	if want := "the limit client of 4/10s is used up"; v.Reason.Message != want || v.Reason.Code != "limit.client" {
		t.Errorf("%+v", v.Reason)
	}

	// The address is tighter: its fields stand.
	x = caller("192.0.2.3", "other", "bob")
	for range 6 {
		v, _ = l.Admit().Check(ctx, x)
	}
	x.Decision.Judge(gatehouse.Judgment{Control: AddressControl, Mode: gatehouse.Enforce, Verdict: v})
	if v, _ = l.Caller().Check(ctx, x); len(v.Edits.Response) != 0 {
		t.Errorf("the client's fields replace the tighter address': %s", fields(v))
	}
	// In monitor the address' fields are not sent, so the client's are.
	x.Decision.Judgments[0].Mode = gatehouse.Monitor
	if v, _ = l.Caller().Check(ctx, x); len(v.Edits.Response) != 2 {
		t.Errorf("no fields")
	}

	no := false
	l, _ = limiter(t, Config{Headers: &no, Levels: []Level{{Name: "client", Key: []string{"client"}, Rate: perMin(1)}}})
	if v, _ = l.Caller().Check(ctx, x); len(v.Edits.Response) != 0 {
		t.Error("headers: false sends fields")
	}
	if v, _ = l.Caller().Check(ctx, x); fields(v) != "Retry-After: 60\n" {
		t.Errorf("denied: %s", fields(v))
	}
}

// Waiting for Retry-After lets the next call pass at every level that refused.
func TestRetryAfterIsTheLongestWait(t *testing.T) {
	l, _ := limiter(t, Config{Levels: []Level{
		{Name: "second", Rate: Rate{1, time.Second}}, {Name: "minute", Rate: perMin(1)}, {Name: "ten", Rate: Rate{1, 10 * time.Second}},
	}})
	x := caller("192.0.2.1", "", "")
	if call(t, l, x) != "" || call(t, l, x) != "limit.minute" {
		t.Error("not the level with the longest wait")
	}
}

// refusedBy makes the exchange look as identify's refusal leaves it.
func refusedBy(x *gatehouse.Exchange, code string, status int) {
	x.Decision.Result, x.Decision.By, x.Decision.Status = gatehouse.Blocked, "authn", status
	x.Decision.Reason = gatehouse.Reason{Code: code}
}

func TestFailedSignIns(t *testing.T) {
	login := func(x *gatehouse.Exchange, status int) {
		operation(x, "login", "login")
		x.Decision.Result, x.Decision.Status, x.Decision.Upstream.Status = gatehouse.Answered, status, status
		x.Response.Status = status
	}
	for _, tt := range []struct {
		name   string
		counts bool
		end    func(x *gatehouse.Exchange)
	}{
		{"bad signature", true, func(x *gatehouse.Exchange) { refusedBy(x, "token.signature", 401) }},
		{"inactive by introspection", true, func(x *gatehouse.Exchange) {
			x.Credential.Method = gatehouse.MethodIntrospection
			refusedBy(x, "introspection.inactive", 401)
		}},
		{"unknown API key", true, func(x *gatehouse.Exchange) { refusedBy(x, "api_key.unknown", 401) }},
		{"monitored", true, func(x *gatehouse.Exchange) {
			x.Decision.Result = gatehouse.Answered
			x.Decision.Judge(gatehouse.Judgment{Control: "authn", Mode: gatehouse.Monitor, WouldBlock: true,
				Verdict: gatehouse.Denied(401, gatehouse.Reason{Code: "api_key.unknown"})})
		}},
		{"login 401", true, func(x *gatehouse.Exchange) { login(x, 401) }},
		{"login 403", true, func(x *gatehouse.Exchange) { login(x, 403) }},
		{"wrapped handler's login 401", true, func(x *gatehouse.Exchange) { login(x, 401); x.Decision.Upstream.Status = 0 }},
		{"login 200", false, func(x *gatehouse.Exchange) { login(x, 200) }},
		{"another operation's 401", false, func(x *gatehouse.Exchange) { login(x, 401); x.Operation.Tags = nil }},
		{"policy 403", false, func(x *gatehouse.Exchange) {
			x.Decision.Result, x.Decision.By, x.Decision.Status = gatehouse.Blocked, "policy", 403
		}},
		{"no credential", false, func(x *gatehouse.Exchange) { refusedBy(x, "credential.missing", 401) }},
		{"expired", false, func(x *gatehouse.Exchange) { refusedBy(x, "token.expired", 401) }},
		{"too old", false, func(x *gatehouse.Exchange) { refusedBy(x, "token.too_old", 401) }},
		{"cannot judge", false, func(x *gatehouse.Exchange) { refusedBy(x, "introspection.unreachable", 503) }},
	} {
		l, _ := limiter(t, Config{Failures: FailuresConfig{Rate: perMin(10)}})
		attempt := func(addr string) string {
			x := caller(addr, "", "")
			code := judge(t, l, x)
			if code == "" {
				tt.end(x)
			} else {
				x.Decision.Result, x.Decision.By, x.Decision.Status = gatehouse.Blocked, AddressControl, 429
			}
			finish(l, x)
			return code
		}
		refused := ""
		for range 11 {
			refused = attempt("192.0.2.1")
		}
		if got := refused == "limit.failures"; got != tt.counts {
			t.Errorf("%s: the eleventh call got %q", tt.name, refused)
		}
		if code := attempt("192.0.2.2"); code != "" {
			t.Errorf("%s: another address got %q", tt.name, code)
		}
		x := caller("192.0.2.1", "", "")
		x.Start = start.Add(6 * time.Second)
		if code := judge(t, l, x); code != "" {
			t.Errorf("%s: after six seconds %q", tt.name, code)
		}
	}
}

// Guesses sent all at once pass the check together, and are paid for later.
func TestParallelGuesses(t *testing.T) {
	l, _ := limiter(t, Config{Failures: FailuresConfig{Rate: perMin(10)}})
	var flight []*gatehouse.Exchange
	for range 50 {
		x := caller("192.0.2.1", "", "")
		if code := judge(t, l, x); code != "" {
			t.Fatal(code)
		}
		refusedBy(x, "api_key.unknown", 401)
		flight = append(flight, x)
	}
	for _, x := range flight {
		finish(l, x)
	}
	x := caller("192.0.2.1", "", "")
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{{time.Minute, "limit.failures"}, {4 * time.Minute, "limit.failures"}, {4*time.Minute + 7*time.Second, ""}} {
		x.Start = start.Add(tt.after)
		if code := judge(t, l, x); code != tt.want {
			t.Errorf("%s after 50 failures at 10/min: %q", tt.after, code)
		}
	}
}

// broken is a store that answers nothing, as a remote one may.
type broken struct{ *Memory }

func (broken) Decide(context.Context, time.Time, []Ask) (int, error) {
	return -1, errors.New("connection refused")
}

func TestStoreFails(t *testing.T) {
	l, err := New(Config{Levels: []Level{{Name: "client", Key: []string{"client"}, Rate: perMin(1)}}}, broken{NewMemory(MemoryOptions{})}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []gatehouse.Control{l.Admit(), l.Caller()} {
		v, err := c.Check(context.Background(), caller("192.0.2.1", "web", ""))
		var e *gatehouse.Error
		if !errors.As(err, &e) || e.Status != 503 || e.Code != "limit.store" || v.Outcome == gatehouse.Pass {
			t.Errorf("%s: %v, %v", c.Name(), v.Outcome, err)
		}
	}
}

// The controls themselves allocate nothing on the way that passes.
func TestCheckAllocatesNothing(t *testing.T) {
	l, _ := limiter(t, Config{Levels: []Level{
		{Name: "global", Rate: Rate{1_000_000, time.Second}}, {Name: "address", Key: []string{"address"}, Rate: Rate{100, time.Second}, Exact: true},
		{Name: "client", Key: []string{"client"}, Rate: Rate{1_000_000, time.Second}},
		{Name: "endpoint", Key: []string{"client", "address", "endpoint"}, Rate: Rate{1_000_000, time.Second}},
	}})
	x, a, c, ctx := caller("192.0.2.1", "web", "anna"), l.Admit(), l.Caller(), context.Background()
	n := testing.AllocsPerRun(2000, func() {
		x.Start = x.Start.Add(time.Second)
		a.Check(ctx, x)
		c.Check(ctx, x)
	})
	if n > 0.1 && !raceEnabled {
		t.Errorf("%v allocations per call", n)
	}
}
