package authn_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
)

func Example() {
	dir, err := os.MkdirTemp("", "authn")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	key, entry := authn.GenerateAPIKey()
	entry.Subject, entry.Scopes = "reports", []string{"orders:read"}
	if err := authn.AppendAPIKey(filepath.Join(dir, "keys.jsonl"), entry); err != nil {
		panic(err)
	}

	cfg := authn.Config{APIKeys: &authn.APIKeysConfig{File: "keys.jsonl"}}.WithDefaults()
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	state := authn.NewState() // one for the life of the process
	defer state.Close()
	service, err := authn.New(cfg, state, authn.Options{Dir: dir}) // one for each configuration
	if err != nil {
		panic(err)
	}
	orders, err := service.For(authn.APIOptions{Methods: []string{"api_keys"}})
	if err != nil {
		panic(err)
	}

	x := &gatehouse.Exchange{Start: time.Now(), Request: gatehouse.Request{Method: "GET", Header: gatehouse.Header{{Name: "X-API-Key", Value: key}}}}
	p, err := orders.Authenticate(context.Background(), x)
	fmt.Println(p.Subject, p.Method, p.Scopes, err)

	if err := state.Revoke(authn.Revocation{Kind: authn.RevokeSubject, ID: "reports"}); err != nil {
		panic(err)
	}
	_, err = orders.Authenticate(context.Background(), x)
	fmt.Println(err)
	// Output:
	// reports api_key [orders:read] <nil>
	// the credential was revoked
}
