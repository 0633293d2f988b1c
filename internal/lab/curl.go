package lab

import "fmt"

// CurlLines are calls to try by hand while the target runs. caFile is the PEM
// file of whoever signed the gateway's certificate.
func (t *Target) CurlLines(caFile string) []string {
	svc := t.Shop.Service("users")
	origin, curl := t.origin(svc), "curl -s"
	if caFile != "" {
		curl += " --cacert " + caFile
	}
	alice := t.Shop.Issuer.Token(Claims{Subject: "alice", Roles: []string{"customer"}, Scope: userScope, Plan: "gold"})
	call := func(comment, rest string) string { return fmt.Sprintf("# %s\n%s %s", comment, curl, rest) }
	return []string{
		"TOKEN=" + alice,
		call("the catalogue is open", origin+"/catalogue/items"),
		call("alice reads her own profile", `-H "Authorization: Bearer $TOKEN" `+origin+"/accounts/users/alice"),
		call("and not bob's: 403, policy.no_permit", `-H "Authorization: Bearer $TOKEN" `+origin+"/accounts/users/bob"),
		call("signing in; the sixth time in a minute it is 429", `-H 'Content-Type: application/json' -d '{"username":"bob","password":"bob-pass"}' `+origin+"/auth/login"),
		call("a partner's API key", "-H 'X-API-Key: "+t.Shop.PartnerKey()+"' "+origin+"/partner/feed"),
		call("what nobody documented: 404", origin+"/v0/users"),
		call("a path with two readings: 400, path.dot_segment", "--path-as-is "+origin+"/catalogue/../accounts/users"),
	}
}
