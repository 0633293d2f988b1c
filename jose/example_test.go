package jose_test

import (
	"encoding/json"
	"fmt"

	"github.com/gatehouse/gatehouse/jose"
)

func Example() {
	// An issuer signs a token and publishes its keys.
	key, err := jose.GenerateKey("2026-11", jose.ES256)
	if err != nil {
		panic(err)
	}
	token, err := jose.Sign(key, map[string]any{"typ": "at+jwt"}, map[string]any{"sub": "alice", "aud": "https://shop.example.com"})
	if err != nil {
		panic(err)
	}
	jwks, err := json.Marshal(jose.NewKeySet(key.Public()))
	if err != nil {
		panic(err)
	}

	// A resource server reads both.
	keys, err := jose.ParseKeySet(string(jwks))
	if err != nil {
		panic(err)
	}
	t, err := jose.Parse(token, jose.MaxToken)
	if err != nil {
		panic(err)
	}
	k, err := keys.Find(&t.Header)
	if err != nil {
		panic(err)
	}
	if err := t.Verify(k); err != nil {
		panic(err)
	}
	sub, _, err := t.Claims.String("sub")
	fmt.Println(sub, err)

	_, err = jose.Parse("eyJhbGciOiJub25lIn0.e30.", jose.MaxToken)
	fmt.Println(err)
	// Output:
	// alice <nil>
	// the token is not signed
}
