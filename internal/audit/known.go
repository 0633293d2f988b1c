package audit

import (
	"strconv"

	"github.com/gatehouse/gatehouse"
)

// maxKnown is for how many judgments of an operation the text is kept.
const maxKnown = 12

// A knownJudgment is a pass or permit and its text, up to the time it took. The
// controls of an operation nearly always come in the same order and say the same.
type knownJudgment struct {
	control string
	step    gatehouse.Step
	mode    gatehouse.Mode
	outcome gatehouse.Outcome
	reason  gatehouse.Reason
	text    []byte
}

func (k *knownJudgment) is(j *gatehouse.Judgment) bool {
	return k.control == j.Control && k.step == j.Step && k.mode == j.Mode && k.outcome == j.Verdict.Outcome && k.reason == j.Verdict.Reason
}

// appendKnown is appendJudgment with a memory for what is said again and again.
// Denials are not kept, nor anything that might repeat a secret of this call.
func (e *encoder) appendKnown(b []byte, j *gatehouse.Judgment, p *plan, i int) []byte {
	good := j.Verdict.Outcome == gatehouse.Pass || j.Verdict.Outcome == gatehouse.Permit
	if p == nil || i >= maxKnown || !good || j.Verdict.Status != 0 || j.WouldBlock || j.Took <= 0 ||
		len(j.Verdict.Details) > 0 || edited(&j.Verdict.Edits) || len(e.secrets) > 0 {
		return e.appendJudgment(b, j)
	}
	if k := p.known[i].Load(); k != nil && k.is(j) {
		return append(strconv.AppendInt(append(b, k.text...), int64(j.Took), 10), '}')
	}
	start := len(b)
	b = e.appendJudgment(b, j)
	if p.known[i].Load() == nil {
		took := strconv.AppendInt(nil, int64(j.Took), 10)
		p.known[i].Store(&knownJudgment{control: j.Control, step: j.Step, mode: j.Mode, outcome: j.Verdict.Outcome, reason: j.Verdict.Reason,
			text: append([]byte(nil), b[start:len(b)-len(took)-1]...)})
	}
	return b
}
