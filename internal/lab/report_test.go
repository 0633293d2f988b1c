package lab

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLatency(t *testing.T) {
	var through, direct []time.Duration
	for i := range 200 {
		direct = append(direct, time.Duration(i%7)*time.Millisecond)
		through = append(through, direct[i]+time.Duration(i+1)*time.Microsecond)
	}
	l := latencyOf(through, direct)
	if l.Samples != 200 || l.AddedP50 != 100*time.Microsecond || l.AddedP99 != 198*time.Microsecond {
		t.Errorf("%+v", l)
	}
	if latencyOf(nil, nil) != nil {
		t.Error("latency of nothing")
	}
}

func TestReport(t *testing.T) {
	good := GoodTraffic{Requests: 9, Steps: 5}
	held := CaseCount{Name: "held", Class: API2, Room: "authn", Defended: true, Requests: 3, Attempts: 3, Stopped: 3}
	missed := CaseCount{Name: "hole", Class: API2, Room: "authn", Defended: true, Requests: 2, Attempts: 2, Missed: 1, Stopped: 1}
	open := CaseCount{Name: "later", Class: API3, Room: "openapi", Requests: 4, Attempts: 4, Missed: 4}
	unproven := CaseCount{Name: "dark", Class: API4, Room: "gateway", Defended: true, Unproven: "nothing answered"}
	absent := CaseCount{Name: "absent", Class: API4, Room: "gateway", Defended: true, NotApplicable: true}
	for _, c := range []struct {
		name   string
		good   GoodTraffic
		cases  []CaseCount
		failed bool
		prints []string
	}{
		{"clean", good, []CaseCount{held, absent}, false, []string{"API2  broken authentication"}},
		{"open stays open", good, []CaseCount{held, open}, false, []string{"open until openapi: later"}},
		{"missed", good, []CaseCount{held, missed}, true, []string{"MISSED   API2 hole", "(1 of 2; authn)"}},
		{"unproven", good, []CaseCount{unproven}, true, []string{"UNPROVEN API4 dark", "nothing answered"}},
		{"refused", GoodTraffic{Steps: 5, Refused: 1, Complaints: []string{"customer/pay: 403"}}, []CaseCount{held}, true, []string{"REFUSED  customer/pay: 403"}},
		{"nothing good", GoodTraffic{}, []CaseCount{held}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Report{Good: c.good, Cases: c.cases}
			r.sum()
			var b bytes.Buffer
			if err := r.WriteTable(&b); err != nil {
				t.Fatal(err)
			}
			if r.Failed() != c.failed {
				t.Errorf("failed: %v\n%s", r.Failed(), b.String())
			}
			for _, p := range c.prints {
				if !strings.Contains(b.String(), p) {
					t.Errorf("no %q in\n%s", p, b.String())
				}
			}
		})
	}
	r := &Report{Cases: []CaseCount{held, missed, open}}
	r.sum()
	want := ClassCount{Class: API2, Title: "broken authentication", State: "defended", Cases: 2, Requests: 5, Attempts: 5, Stopped: 4, Missed: 1}
	if diff := cmp.Diff(want, r.Classes[1]); diff != "" {
		t.Error(diff)
	}
	if r.Classes[2].State != "open" || r.Classes[2].Open != 4 || r.Classes[2].Missed != 0 {
		t.Errorf("%+v", r.Classes[2])
	}
}
