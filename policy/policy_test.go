package policy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

const issuer = "https://id.example.com"

// shop is the API most tests speak of.
func shop() Input {
	api := &gatehouse.API{Name: "shop", BasePath: "/v1"}
	billing := &gatehouse.API{Name: "billing", BasePath: "/"}
	op := func(api *gatehouse.API, method, path, id string, tags ...string) *gatehouse.Operation {
		return &gatehouse.Operation{API: api, ID: id, Method: method, Path: path, Endpoint: method + " " + path, Tags: tags,
			At: gatehouse.Position{File: "gatehouse.yaml", Line: 10}}
	}
	in := Input{APIs: []*gatehouse.API{api, billing}, Issuers: []string{issuer}}
	in.Operations = []*gatehouse.Operation{
		op(api, "GET", "/orders/{id}", "getOrder", "orders"),
		op(api, "GET", "/orders", "listOrders", "orders"),
		op(api, "POST", "/orders", "createOrder", "orders"),
		op(api, "GET", "/users/{user_id}", "getProfile"),
		op(api, "PUT", "/users/{user_id}", "putProfile"),
		op(api, "GET", "/users/{user_id}/orders/{id}", "getUserOrder", "orders"),
		op(api, "GET", "/export", "export", "export"),
		op(api, "POST", "/login", "login"),
		op(api, "*", "/files/{path...}", "files"),
		op(billing, "GET", "/invoices", "listInvoices"),
	}
	in.Operations[7].Access = gatehouse.AccessPublic
	rest := op(api, "*", "/{path...}", "undocumented")
	rest.Undocumented = true
	in.Operations = append(in.Operations, rest)
	return in
}

func (in Input) op(id string) *gatehouse.Operation {
	for _, o := range in.Operations {
		if o.ID == id {
			return o
		}
	}
	panic("no operation " + id)
}

func mustCompile(t testing.TB, cfg Config, in Input, text string) *Set {
	t.Helper()
	s, err := Compile(cfg, []Source{{Name: "shop.cedar", Text: []byte(text)}}, in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// user is a Principal by JWT.
func user(subject string, roles ...string) *gatehouse.Principal {
	return &gatehouse.Principal{Subject: subject, Issuer: issuer, ClientID: "web", Method: gatehouse.MethodJWT, Roles: roles}
}

// noon is a Wednesday, 12:00 UTC.
var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// call is an exchange as match and identify leave it.
func call(op *gatehouse.Operation, p *gatehouse.Principal, params ...string) *gatehouse.Exchange {
	x := &gatehouse.Exchange{Start: noon, API: op.API, Operation: op, Principal: p}
	x.Request.Method, x.Request.Host, x.Request.Path = op.Method, "shop.example.com", "/v1"+op.Path
	if op.Method == "*" {
		x.Request.Method = "GET"
	}
	x.Peer.Addr = netip.MustParseAddr("192.0.2.7")
	for i, name := range pathParams(op.Path) {
		value := "1"
		if i < len(params) {
			value = params[i]
		}
		x.Params = append(x.Params, gatehouse.Param{Name: name, Value: value})
	}
	return x
}

func judge(t testing.TB, s *Set, x *gatehouse.Exchange) gatehouse.Verdict {
	t.Helper()
	v, err := s.Control().Check(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestPolicies is what people write: each case is a policy text, a request and
// the reason's code.
func TestPolicies(t *testing.T) {
	in := shop()
	cfg := Config{Claims: map[string]ClaimType{"department": ClaimString, "level": ClaimLong, "verified": ClaimBool, "regions": ClaimSet}}
	entities := &Source{Name: "entities.json", Text: []byte(`[
	  {"uid": {"type": "Role", "id": "admin"}, "parents": [{"type": "Role", "id": "manager"}], "attrs": {}},
	  {"uid": {"type": "Role", "id": "manager"}, "parents": [{"type": "Role", "id": "employee"}], "attrs": {}},
	  {"uid": {"type": "User", "id": "zoe"}, "parents": [{"type": "Role", "id": "admin"}], "attrs": {}},
	  {"uid": {"type": "Client", "id": "reports"}, "parents": [{"type": "Role", "id": "employee"}], "attrs": {}}
	]`)}
	in.Entities = entities

	const hierarchy = `permit (principal in Role::"employee", action in Action::"read", resource in API::"shop");`
	const owner = `permit (principal is User, action in [Action::"shop.getProfile", Action::"shop.putProfile"], resource)
		when { resource.params.user_id == principal.subject };`
	const claims = `permit (principal, action == Action::"shop.export", resource)
		when { principal.claims has department && principal.claims.department == "finance" &&
		       principal.claims has level && principal.claims.level >= 3 };`
	const hours = `permit (principal, action == Action::"shop.export", resource)
		when { context.weekday <= 5 && context.hour >= 8 && context.hour < 18 };`
	const risky = `permit (principal, action, resource);
		forbid (principal, action, resource) when { context.risk >= 80 };`
	const stepUp = `permit (principal, action == Action::"shop.export", resource)
		when { context has acr && context.acr == "mfa" && context has auth_age && context.auth_age <= 300 };`
	const everything = `permit (principal, action, resource);`

	withClaims := func(c map[string]any) *gatehouse.Principal {
		p := user("alice")
		p.Claims = c
		return p
	}
	withLogin := func(acr string, age time.Duration) *gatehouse.Principal {
		p := user("alice")
		p.ACR, p.AuthTime = acr, noon.Add(-age)
		return p
	}
	at := func(x *gatehouse.Exchange, when time.Time) *gatehouse.Exchange { x.Start = when; return x }
	risk := func(x *gatehouse.Exchange, r uint8) *gatehouse.Exchange { x.Risk = r; return x }
	method := func(x *gatehouse.Exchange, m string) *gatehouse.Exchange { x.Request.Method = m; return x }
	apiKey := &gatehouse.Principal{ClientID: "reports", Method: gatehouse.MethodAPIKey}
	machine := &gatehouse.Principal{Subject: "job", ClientID: "job", Issuer: issuer, Method: gatehouse.MethodJWT}
	workload := &gatehouse.Principal{Subject: "spiffe://shop/cart", ClientID: "spiffe://shop/cart", Method: gatehouse.MethodMTLS}
	bound := user("alice")
	bound.SenderBound, bound.Scopes = true, []string{"orders:read"}
	mtls := call(in.op("export"), user("alice"))
	cert := &x509.Certificate{}
	mtls.Peer.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert}}}
	unverified := call(in.op("export"), user("alice"))
	unverified.Peer.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
	noAddr := call(in.op("export"), user("alice"))
	noAddr.Peer.Addr = netip.Addr{}

	for _, c := range []struct {
		name, text string
		x          *gatehouse.Exchange
		want       string
	}{
		{"nothing is permitted by nothing", "", call(in.op("listOrders"), user("alice", "admin")), "policy.no_permit"},
		{"a role", hierarchy, call(in.op("listOrders"), user("alice", "employee")), "policy.permit"},
		{"a role above it", hierarchy, call(in.op("listOrders"), user("alice", "admin")), "policy.permit"},
		{"another role", hierarchy, call(in.op("listOrders"), user("alice", "guest")), "policy.no_permit"},
		{"a role from the entities file", hierarchy, call(in.op("listOrders"), user("zoe")), "policy.permit"},
		{"a client's role from the entities file", hierarchy, call(in.op("listOrders"), apiKey), "policy.permit"},
		{"a write is no read", hierarchy, call(in.op("createOrder"), user("alice", "admin")), "policy.no_permit"},
		{"another API", hierarchy, call(in.op("listInvoices"), user("alice", "admin")), "policy.no_permit"},
		{"any method, called to read", hierarchy, call(in.op("files"), user("alice", "admin")), "policy.permit"},
		{"any method, called to write", hierarchy, method(call(in.op("files"), user("alice", "admin")), "DELETE"), "policy.no_permit"},
		{"an unknown method writes", hierarchy, method(call(in.op("files"), user("alice", "admin")), "get"), "policy.no_permit"},

		{"the owner", owner, call(in.op("getProfile"), user("alice"), "alice"), "policy.permit"},
		{"not the owner", owner, call(in.op("getProfile"), user("alice"), "bob"), "policy.no_permit"},
		{"an owner's name, but a client", owner, call(in.op("getProfile"), machine, "job"), "policy.no_permit"},
		{"an owner's name, but a workload", owner, call(in.op("getProfile"), workload, "spiffe://shop/cart"), "policy.no_permit"},

		{"claims", claims, call(in.op("export"), withClaims(map[string]any{"department": "finance", "level": json.Number("3")})), "policy.permit"},
		{"a claim too low", claims, call(in.op("export"), withClaims(map[string]any{"department": "finance", "level": json.Number("2")})), "policy.no_permit"},
		{"a missing claim", claims, call(in.op("export"), withClaims(map[string]any{"level": json.Number("9")})), "policy.no_permit"},
		{"a claim of another type", claims, call(in.op("export"), withClaims(map[string]any{"department": "finance", "level": "9"})), "policy.no_permit"},
		{"a claim that is no whole number", claims, call(in.op("export"), withClaims(map[string]any{"department": "finance", "level": json.Number("9.5")})), "policy.no_permit"},
		{"a set of one", `permit (principal, action, resource) when { principal.claims has regions && principal.claims.regions.contains("eu") };`,
			call(in.op("export"), withClaims(map[string]any{"regions": "eu"})), "policy.permit"},
		{"a forbid that reads a claim of another type",
			everything + `forbid (principal, action, resource) when { principal.claims has level && principal.claims.level < 3 };`,
			call(in.op("export"), withClaims(map[string]any{"level": "high"})), "policy.error"},

		{"within hours", hours, call(in.op("export"), user("alice")), "policy.permit"},
		{"after hours", hours, at(call(in.op("export"), user("alice")), noon.Add(8*time.Hour)), "policy.no_permit"},
		{"at the weekend", hours, at(call(in.op("export"), user("alice")), noon.AddDate(0, 0, 3)), "policy.no_permit"},
		{"before the end", `permit (principal, action, resource) when { context.now < datetime("2026-12-01") };`,
			call(in.op("export"), user("alice")), "policy.permit"},

		{"no risk", risky, call(in.op("export"), user("alice")), "policy.permit"},
		{"forbid beats permit", risky, risk(call(in.op("export"), user("alice")), 80), "policy.forbidden"},
		{"forbid beats public", risky, risk(call(in.op("login"), gatehouse.Anonymous), 99), "policy.forbidden"},
		{"public", "", call(in.op("login"), gatehouse.Anonymous), "policy.public"},

		{"signed in well", stepUp, call(in.op("export"), withLogin("mfa", time.Minute)), "policy.permit"},
		{"signed in long ago", stepUp, call(in.op("export"), withLogin("mfa", time.Hour)), "policy.no_permit"},
		{"signed in by password", stepUp, call(in.op("export"), withLogin("pwd", time.Minute)), "policy.no_permit"},
		{"signed in somehow", stepUp, call(in.op("export"), user("alice")), "policy.no_permit"},

		{"nobody, where anybody may", everything, call(in.op("export"), gatehouse.Anonymous), "policy.permit"},
		{"nobody at all", everything, call(in.op("export"), nil), "policy.permit"},
		{"nobody, where users may", `permit (principal is User, action, resource);`, call(in.op("export"), gatehouse.Anonymous), "policy.no_permit"},
		{"no anonymous", everything + `forbid (principal is Anonymous, action, resource);`, call(in.op("export"), gatehouse.Anonymous), "policy.forbidden"},
		{"nobody has no subject", `permit (principal, action, resource) when { principal has subject };`, call(in.op("export"), gatehouse.Anonymous), "policy.no_permit"},

		{"a user by name", `permit (principal == User::"alice", action, resource);`, call(in.op("export"), user("alice")), "policy.permit"},
		{"another user", `permit (principal == User::"alice", action, resource);`, call(in.op("export"), user("bob")), "policy.no_permit"},
		{"another issuer's user of that name", `permit (principal == User::"alice", action, resource);`,
			call(in.op("export"), &gatehouse.Principal{Subject: "alice", Issuer: "https://evil.example.com", ClientID: "x", Method: gatehouse.MethodJWT}), "policy.no_permit"},
		{"a client", `permit (principal == Client::"job", action, resource);`, call(in.op("export"), machine), "policy.permit"},
		{"a workload", `permit (principal == Workload::"spiffe://shop/cart", action, resource);`, call(in.op("export"), workload), "policy.permit"},
		{"a scope", `permit (principal, action in Action::"tag:orders", resource) when { principal.scopes.contains("orders:read") };`,
			call(in.op("listOrders"), bound), "policy.permit"},
		{"a bound token", `permit (principal, action, resource) when { principal.sender_bound };`, call(in.op("export"), bound), "policy.permit"},
		{"an unbound token", `permit (principal, action, resource) when { principal.sender_bound };`, call(in.op("export"), user("alice")), "policy.no_permit"},

		{"an address", `permit (principal, action, resource) when { context.ip.isInRange(ip("192.0.2.0/24")) };`, call(in.op("export"), user("alice")), "policy.permit"},
		{"no address, a permit", `permit (principal, action, resource) when { context.ip.isInRange(ip("192.0.2.0/24")) };`, noAddr, "policy.error"},
		{"no address, a forbid", everything + `forbid (principal, action, resource) when { context.ip.isInRange(ip("198.51.100.0/24")) };`, noAddr, "policy.error"},
		{"a permit that errs beside one that does not", everything + `permit (principal, action, resource) when { context.ip.isLoopback() };`, noAddr, "policy.permit"},
		{"a certificate", `permit (principal, action, resource) when { context.mtls };`, mtls, "policy.permit"},
		{"a certificate nobody verified", `permit (principal, action, resource) when { context.mtls };`, unverified, "policy.no_permit"},
		{"no certificate", `permit (principal, action, resource) when { context.mtls };`, call(in.op("export"), user("alice")), "policy.no_permit"},
		{"overflow in a forbid", everything + `forbid (principal, action, resource) when { context.risk + 9223372036854775807 > 0 };`,
			risk(call(in.op("export"), user("alice")), 1), "policy.error"},

		{"the undocumented", everything + `forbid (principal, action, resource) when { resource.undocumented };`, call(in.op("undocumented"), user("alice", "admin")), "policy.forbidden"},
		{"a path", `permit (principal, action, resource) when { context.path like "/v1/files/*" };`, call(in.op("files"), user("alice")), "policy.permit"},
		{"host and method", `permit (principal, action, resource) when { context.host == "shop.example.com" && context.method == "GET" };`, call(in.op("files"), user("alice")), "policy.permit"},
		{"the action in a condition", `permit (principal, action, resource) when { action in Action::"tag:export" };`, call(in.op("export"), user("alice")), "policy.permit"},
		{"a parameter some operations have", `permit (principal, action, resource) when { resource.params has user_id && resource.params.user_id == "alice" };`,
			call(in.op("getProfile"), user("alice"), "alice"), "policy.permit"},
		{"the same, without it", `permit (principal, action, resource) when { resource.params has user_id && resource.params.user_id == "alice" };`,
			call(in.op("export"), user("alice")), "policy.no_permit"},
		{"one operation", `permit (principal, action, resource == Operation::"shop.export");`, call(in.op("export"), user("alice")), "policy.permit"},
		{"its type in its API", `permit (principal is User in Role::"employee", action, resource is Operation in API::"shop");`, call(in.op("export"), user("zoe")), "policy.permit"},
		{"unless", `permit (principal, action, resource) unless { context.tls };`, call(in.op("export"), user("alice")), "policy.permit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustCompile(t, cfg, in, c.text)
			for range 2 { // the second time by what was kept of the first
				v := judge(t, s, c.x)
				if v.Reason.Code != c.want {
					t.Fatalf("got %s (%s), want %s", v.Reason.Code, v.Reason.Message, c.want)
				}
				want := gatehouse.Deny
				if c.want == "policy.permit" || c.want == "policy.public" {
					want = gatehouse.Permit
				}
				if v.Outcome != want || want == gatehouse.Deny && v.Status != 403 {
					t.Errorf("outcome %v, status %d", v.Outcome, v.Status)
				}
				if v.Reason.At.IsZero() || strings.ContainsAny(v.Reason.Message+v.Reason.Hint, "\n\r\x1b") {
					t.Errorf("reason %+v", v.Reason)
				}
			}
		})
	}
}

func TestReasonNamesThePolicy(t *testing.T) {
	in := shop()
	s := mustCompile(t, Config{}, in, "// the first\npermit (principal, action, resource);\n\n  @id(\"no exports\")\n  forbid (principal, action == Action::\"shop.export\", resource);\n")
	v := judge(t, s, call(in.op("export"), user("alice")))
	if v.Reason.At.String() != "shop.cedar:4:3" || v.Reason.Message != `forbidden by policy "no exports"` {
		t.Errorf("%+v", v.Reason)
	}
	v = judge(t, s, call(in.op("listOrders"), user("alice")))
	if v.Reason.At.String() != "shop.cedar:2:1" || v.Reason.Message != `permitted by policy "shop.cedar:2"` {
		t.Errorf("%+v", v.Reason)
	}
}

func TestTimeZone(t *testing.T) {
	in := shop()
	s := mustCompile(t, Config{TimeZone: "Asia/Tokyo"}, in, `permit (principal, action, resource) when { context.hour == 21 && context.weekday == 3 };`)
	if v := judge(t, s, call(in.op("export"), user("alice"))); v.Outcome != gatehouse.Permit {
		t.Errorf("%+v", v)
	}
}

func TestSeveralIssuers(t *testing.T) {
	in := shop()
	in.Issuers = []string{issuer, "https://old.example.com"}
	s := mustCompile(t, Config{}, in, `permit (principal == User::"https://id.example.com|alice", action, resource);`)
	x := call(in.op("export"), user("alice"))
	if v := judge(t, s, x); v.Outcome != gatehouse.Permit {
		t.Errorf("%+v", v)
	}
	x.Principal = &gatehouse.Principal{Subject: "alice", Issuer: "https://old.example.com", Method: gatehouse.MethodIntrospection}
	if v := judge(t, s, x); v.Outcome != gatehouse.Deny {
		t.Errorf("%+v", v)
	}
}

func TestReloadMakesAnotherCaller(t *testing.T) {
	in := shop()
	one := mustCompile(t, Config{}, in, `permit (principal in Role::"a", action, resource);`)
	two := mustCompile(t, Config{}, in, `permit (principal in Role::"b", action, resource);`)
	x := call(in.op("export"), user("alice", "b"))
	for range 2 {
		if v := judge(t, one, x); v.Outcome != gatehouse.Deny {
			t.Error("the old set permits")
		}
		if v := judge(t, two, x); v.Outcome != gatehouse.Permit {
			t.Error("the new set denies")
		}
	}
}

func TestUnknownOperationIsNotJudged(t *testing.T) {
	s := mustCompile(t, Config{}, shop(), `permit (principal, action, resource);`)
	for _, op := range []*gatehouse.Operation{nil, {ID: "x", API: &gatehouse.API{Name: "y"}}} {
		v, err := s.Control().Check(context.Background(), &gatehouse.Exchange{Operation: op, Principal: user("a")})
		if err == nil || v.Outcome != gatehouse.Undecided {
			t.Errorf("%v %v", v, err)
		}
	}
}

func TestSchemaIsCedar(t *testing.T) {
	s := mustCompile(t, Config{Claims: map[string]ClaimType{"odd name": ClaimSet}}, shop(), "")
	text := string(s.Schema())
	for _, want := range []string{`"shop.getOrder"`, `"tag:orders"`, "entity Anonymous", `"odd name"?: Set<String>`, "user_id?: String"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// One Principal, many exchanges at once, over a reload.
func TestConcurrentUse(t *testing.T) {
	in := shop()
	const text = `permit (principal is User, action, resource) when { resource.params has user_id && resource.params.user_id == principal.subject };
		permit (principal in Role::"staff", action, resource == Operation::"shop.export") when { context.risk < 50 };`
	sets := []*Set{mustCompile(t, Config{}, in, text), mustCompile(t, Config{}, in, text)}
	p := user("alice", "staff")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				own := []string{"alice", "bob"}[i%2]
				profile, export := call(in.op("getProfile"), p, own), call(in.op("export"), p)
				export.Risk = uint8(i % 100)
				for x, want := range map[*gatehouse.Exchange]bool{profile: own == "alice", export: i%100 < 50} {
					if v, err := sets[(g+i)%2].Control().Check(context.Background(), x); err != nil || (v.Outcome == gatehouse.Permit) != want {
						t.Errorf("%s %s risk %d: %v %v", x.Operation.ID, own, x.Risk, v, err)
					}
				}
			}
		})
	}
	wg.Wait()
}
