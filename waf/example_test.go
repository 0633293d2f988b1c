package waf_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing/fstest"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/waf"
)

// A rule of one's own in front of a handler. The Core Rule Set is left out here: it
// takes a second to load.
func Example() {
	files := fstest.MapFS{"own.conf": {Data: []byte(`SecRule ARGS:q "@streq open sesame" "id:100001,phase:1,deny,status:403,msg:'the old trick'"`)}}
	cfg := waf.Config{Rules: waf.RulesConfig{Core: new(bool), After: []string{"own.conf"}}, Shadow: -1}.WithDefaults()
	rules, err := waf.New(cfg, waf.Options{Files: files})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rules.Close()
	request, _, err := rules.Controls(cfg.Policy, waf.ControlOptions{BodyBytes: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
	guarded, err := gateway.Wrap(hello, gateway.Options{
		Operations: []*gatehouse.Operation{{ID: "hello", Method: "GET", Path: "/hello", Access: gatehouse.AccessPublic}},
		Controls:   []gatehouse.Control{request},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, target := range []string{"/hello?q=please", "/hello?q=open+sesame"} {
		answer := httptest.NewRecorder()
		guarded.ServeHTTP(answer, httptest.NewRequest("GET", target, nil))
		fmt.Println(answer.Code)
	}
	fmt.Printf("%+v\n", rules.Stats())
	// Output:
	// 200
	// 403
	// {Proven:1 Replayed:1 Refused:0 Shadowed:0 Mismatches:0}
}
