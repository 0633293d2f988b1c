// Command wrap is a service that guards itself: the gateway's path in front of an
// http.Handler, with API keys, a Cedar policy and a limit.
//
//	gatehouse keys new --file keys.jsonl --subject reports > reports.key
//	go run ./examples/wrap
//	curl -H "X-API-Key: $(cat reports.key)" localhost:8081/notes/17
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/policy"
	"github.com/gatehouse/gatehouse/ratelimit"
)

const policies = `permit (principal == Client::"reports", action in Action::"read", resource);`

func main() {
	handler, err := guarded(http.HandlerFunc(notes))
	if err == nil {
		fmt.Fprintln(os.Stderr, "on 127.0.0.1:8081")
		err = http.ListenAndServe("127.0.0.1:8081", handler)
	}
	fmt.Fprintln(os.Stderr, err)
}

func notes(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, r.URL.Path, "for", gateway.PrincipalFrom(r.Context()).Subject)
}

func guarded(next http.Handler) (http.Handler, error) {
	api := &gatehouse.API{Name: "notes", Hosts: []string{"*"}, BasePath: "/"}
	operations := []*gatehouse.Operation{
		{API: api, ID: "read", Method: "GET", Path: "/notes/{id}"},
		{API: api, ID: "health", Method: "GET", Path: "/healthz", Access: gatehouse.AccessPublic},
	}
	set, err := policy.Compile(policy.Config{}, []policy.Source{{Name: "notes.cedar", Text: []byte(policies)}},
		policy.Input{APIs: []*gatehouse.API{api}, Operations: operations})
	if err != nil {
		return nil, err
	}
	callers, err := authn.New(authn.Config{APIKeys: &authn.APIKeysConfig{File: "keys.jsonl"}}.WithDefaults(), authn.NewState(), authn.Options{})
	if err != nil {
		return nil, err
	}
	keys, err := callers.For(authn.APIOptions{Methods: []string{"api_keys"}})
	if err != nil {
		return nil, err
	}
	perMinute := ratelimit.Level{Name: "client", Key: []string{"client"}, Rate: ratelimit.Rate{Count: 60, Per: time.Minute}}
	limiter, err := ratelimit.New(ratelimit.Config{Levels: []ratelimit.Level{perMinute}}.WithDefaults(),
		ratelimit.NewMemory(ratelimit.MemoryOptions{}), ratelimit.Deps{})
	if err != nil {
		return nil, err
	}
	return gateway.Wrap(next, gateway.Options{API: "notes", Operations: operations, Authenticator: keys,
		Controls: []gatehouse.Control{limiter.Admit(), limiter.Caller(), callers.Requirements(), set.Control()}})
}
