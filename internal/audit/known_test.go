package audit

import (
	"bytes"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// What is remembered of judgments never shows: a record is the same with a plan
// that has seen others before, whatever they said, as with a new one.
func TestKnownJudgments(t *testing.T) {
	e := &encoder{masker: NewMasker(nil)}
	p := newPlan(testOp, e.masker)
	change := []func(x *gatehouse.Exchange){
		func(*gatehouse.Exchange) {},
		func(x *gatehouse.Exchange) { x.Decision.Judgments[0].Took = 0 },
		func(x *gatehouse.Exchange) { x.Decision.Judgments[0].Took = 1234567890 },
		func(x *gatehouse.Exchange) { x.Decision.Judgments[0].Took = -5 },
		func(x *gatehouse.Exchange) { x.Decision.Judgments[1].Verdict.Reason.Code = "credential.missing" },
		func(x *gatehouse.Exchange) {
			x.Decision.Judgments[2].Verdict = gatehouse.Denied(429, gatehouse.Reason{Code: "limit"})
		},
		func(x *gatehouse.Exchange) { x.Decision.Judgments[3].WouldBlock = true },
		func(x *gatehouse.Exchange) { x.Decision.Judgments[3].Mode = gatehouse.Monitor },
		func(x *gatehouse.Exchange) { x.Decision.Judgments[4].Verdict.Reason.At.Line++ },
		func(x *gatehouse.Exchange) {
			x.Decision.Judgments[4].Verdict.Reason.Message = "password=hunter2hunter2"
		},
		func(x *gatehouse.Exchange) { x.Decision.Judgments[5].Step = gatehouse.StepAdmit },
		func(x *gatehouse.Exchange) { x.Decision.Judgments[5].Verdict.Outcome = gatehouse.Permit },
		func(x *gatehouse.Exchange) { x.Decision.Judgments = x.Decision.Judgments[2:] },
	}
	for range 3 {
		for i, f := range change {
			x := exchange()
			f(x)
			e.encode(x, p)
			if want := encoded(x); !bytes.Equal(e.buf, want) {
				t.Errorf("change %d:\n%s\n%s", i, e.buf, want)
			}
		}
	}
}
