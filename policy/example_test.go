package policy_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/policy"
)

func Example() {
	api := &gatehouse.API{Name: "shop", BasePath: "/"}
	profile := &gatehouse.Operation{API: api, ID: "getProfile", Method: "GET", Path: "/users/{user_id}"}

	set, err := policy.Compile(policy.Config{}, []policy.Source{{Name: "shop.cedar", Text: []byte(`
@id("owners read")
permit (principal is User, action in Action::"read", resource == Operation::"shop.getProfile")
when { resource.params.user_id == principal.subject };

@id("nothing risky")
forbid (principal, action, resource) when { context.risk >= 80 };
`)}}, policy.Input{
		APIs:       []*gatehouse.API{api},
		Operations: []*gatehouse.Operation{profile},
		Issuers:    []string{"https://id.example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	x := &gatehouse.Exchange{
		Start: time.Now(), API: api, Operation: profile,
		Params: []gatehouse.Param{{Name: "user_id", Value: "alice"}},
		Principal: &gatehouse.Principal{Subject: "alice", Issuer: "https://id.example.com", ClientID: "web",
			Method: gatehouse.MethodJWT},
	}
	x.Request.Method = "GET"
	for _, risk := range []uint8{0, 95} {
		x.Risk = risk
		v, err := set.Control().Check(context.Background(), x)
		fmt.Println(v.Outcome, v.Reason.Code, v.Reason.At, err)
	}
	// Output:
	// permit policy.permit shop.cedar:2:1 <nil>
	// deny policy.forbidden shop.cedar:6:1 <nil>
}

func ExampleSet_WhoCan() {
	api := &gatehouse.API{Name: "shop", BasePath: "/"}
	set, err := policy.Compile(policy.Config{}, []policy.Source{{Name: "shop.cedar", Text: []byte(
		`permit (principal in Role::"finance", action, resource) when { context.hour >= 8 };`)}},
		policy.Input{Operations: []*gatehouse.Operation{{API: api, ID: "export", Method: "GET", Path: "/export"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	grants, err := set.WhoCan(context.Background(), policy.Query{Method: "GET", Path: "/export"},
		[]policy.Subject{{Type: "Role", ID: "finance"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	grants.WriteTable(os.Stdout)
	// Output:
	// SUBJECT          OPERATION    METHOD  PATH     ACCESS       POLICY               AT              CONDITION
	// Role::"finance"  shop.export  GET     /export  conditional  permit shop.cedar:1  shop.cedar:1:1  when { context.hour >= 8 }
}
