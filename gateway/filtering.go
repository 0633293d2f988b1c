package gateway

import (
	"io"
	"time"

	"github.com/gatehouse/gatehouse"
)

// filter asks every StreamFilter for its writer and chains them: the first stage
// gets the upstream's bytes, the last writes to the door.
func (a *answer) filter() error {
	t := a.t
	for i := len(t.route.Stages) - 1; i >= 0; i-- {
		s := &t.route.Stages[i]
		if s.filter == nil || s.Mode == gatehouse.Off {
			continue
		}
		if a.sink == nil {
			a.sink = doorBody{a}
		}
		f := &a.first
		if len(a.filters) > 0 || f.a != nil {
			f = new(filtering)
		}
		*f = filtering{a: a, stage: s, next: a.sink}
		to := a.sink
		if s.Mode == gatehouse.Monitor {
			to = io.Discard
		}
		t.mark = time.Since(t.x.Start)
		w, err := f.open(to)
		if err != nil {
			if err := f.fail(err); err != nil {
				return err
			}
			continue
		}
		if w == nil {
			continue
		}
		f.w = w
		a.filters, a.sink = append(a.filters, f), f
		if p, ok := w.(gatehouse.PassThrough); s.Mode == gatehouse.Enforce && !(ok && p.PassesThrough()) {
			t.x.Response.Header.DelFunc(describesBody)
			a.changed = true
		}
	}
	return nil
}

// describe takes out of an answer to HEAD what would not be true of the answer to
// GET: where a filter changes the body nobody knows its length yet (RFC 9110,
// section 9.3.2).
func (a *answer) describe() {
	x := a.t.x
	for i := range a.t.route.Stages {
		s := &a.t.route.Stages[i]
		if s.filter == nil || s.Mode != gatehouse.Enforce {
			continue
		}
		w, err := (&filtering{a: a, stage: s}).open(io.Discard)
		if err == nil && w == nil {
			continue
		}
		if p, ok := w.(gatehouse.PassThrough); err != nil || !(ok && p.PassesThrough()) {
			x.Response.Header.DelFunc(describesBody)
		}
	}
}

// describesBody reports fields that are true of the body the upstream sent, and of
// no other.
func describesBody(f gatehouse.Field) bool {
	switch len(f.Name) {
	case 4:
		return gatehouse.EqualFold(f.Name, "ETag")
	case 6:
		return gatehouse.EqualFold(f.Name, "Digest")
	case 11:
		return gatehouse.EqualFold(f.Name, "Content-MD5") || gatehouse.EqualFold(f.Name, "Repr-Digest")
	case 13:
		return gatehouse.EqualFold(f.Name, "Accept-Ranges")
	case 14:
		return gatehouse.EqualFold(f.Name, "Content-Length") || gatehouse.EqualFold(f.Name, "Content-Digest")
	}
	return false
}

// filtering is one StreamFilter's part in an answer.
type filtering struct {
	a     *answer
	stage *Stage
	w     io.WriteCloser
	next  io.Writer
	over  bool // it failed, in monitor: the answer goes on without it
}

func (f *filtering) open(to io.Writer) (w io.WriteCloser, err error) {
	defer f.recover(&err)
	return f.stage.filter.FilterResponse(f.a.t.x, to)
}

// recover turns a filter's panic into its error.
func (f *filtering) recover(err *error) {
	if p := recover(); p != nil {
		*err = f.a.t.panicked(p)
	}
}

// Write gives p to the filter; in monitor the client gets it first, unchanged.
func (f *filtering) Write(p []byte) (n int, err error) {
	if f.stage.Mode == gatehouse.Enforce {
		if f.over {
			return 0, errRefused // whoever wrote did not look at the first error
		}
		if err := f.feed(p); err != nil {
			return 0, f.fail(err)
		}
		return len(p), nil
	}
	if n, err = f.next.Write(p); err != nil || f.over {
		return n, err
	}
	if err := f.feed(p); err != nil {
		_ = f.fail(err)
	}
	return n, nil
}

func (f *filtering) feed(p []byte) (err error) {
	defer f.recover(&err)
	_, err = f.w.Write(p)
	return err
}

// end closes the filter and enters its verdict.
func (f *filtering) end() error {
	if f.over {
		return nil
	}
	f.a.t.mark = time.Since(f.a.t.x.Start)
	if err := f.close(); err != nil {
		return f.fail(err)
	}
	f.over = true
	v := gatehouse.Passed()
	if said, ok := f.w.(gatehouse.VerdictWriter); ok {
		v = said.Verdict()
	}
	return f.rule(v, nil)
}

func (f *filtering) close() (err error) {
	defer f.recover(&err)
	return f.w.Close()
}

// fail enters a filter's error as its judgment, and returns what the Forwarder is
// told; nil where the answer goes on. The door's own trouble, and that of a filter
// further in, which passed through this one, is not this one's.
func (f *filtering) fail(err error) error {
	a := f.a
	if a.trouble != nil {
		return a.trouble
	}
	if a.refused != nil {
		return errRefused
	}
	f.over = true
	if said, ok := f.w.(gatehouse.VerdictWriter); ok {
		if v := said.Verdict(); v.Outcome == gatehouse.Deny {
			return f.rule(v, nil)
		}
	}
	e := gatehouse.AsError(err, "answer.filter", 502)
	return f.rule(gatehouse.Denied(statusOf(e, 502), e.Reason()), nil)
}

func (f *filtering) rule(v gatehouse.Verdict, err error) error {
	if v.Outcome == gatehouse.Deny && v.Status == 0 {
		v.Status = 502
	}
	v.Edits = gatehouse.Edits{} // the messages are made
	if d := f.a.t.rule(f.stage.Control.Name(), gatehouse.StepJudgeBack, f.stage.Mode, v, err); d != nil {
		f.a.refused = d
		return errRefused
	}
	return nil
}

// doorBody is the last writer: the door, counted. The head goes out before the
// first byte.
type doorBody struct{ a *answer }

func (d doorBody) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := d.a.sendHead(); err != nil {
		return 0, err
	}
	n, err := d.a.t.w.Write(p)
	d.a.t.x.Response.Bytes += int64(n)
	if err != nil {
		d.a.trouble = err
	}
	return n, err
}

func (a *answer) sendHead() error {
	if a.sent {
		return nil
	}
	a.sent = true
	a.trouble = a.t.w.WriteHead(a.t.x.Response.Status, a.t.x.Response.Header)
	return a.trouble
}

// endFilters closes the filters, the first stage's first: each flushes into the
// next.
func (a *answer) endFilters() error {
	for i := len(a.filters) - 1; i >= 0; i-- {
		if err := a.filters[i].end(); err != nil {
			return err
		}
	}
	if a.changed {
		a.t.x.Response.Trailer.DelFunc(describesBody)
	}
	return a.sendHead()
}
