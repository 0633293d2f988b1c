package body

import (
	"bytes"
	"strconv"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// readSequence judges a body of several items, each by the item schema, all of them
// as one array by the schema (OpenAPI 3.2, section 4.14.2).
func (b *Reader) readSequence(m *media, k kind, body []byte, r *schema.Report) (bool, *gatehouse.Error) {
	tape := tapes.Get().(*strictjson.Tape)
	defer release(tape)
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	r.Work = new(schema.Work)
	defer func() { r.Work = nil }()
	var whole []byte
	seq := sequence{rest: body, kind: k, buf: (*buf)[:0]}
	ok, n := true, 0
	for ; ; n++ {
		item, more, err := seq.next()
		if err != nil {
			return false, err
		}
		if !more {
			break
		}
		if n >= b.o.Items {
			return false, &gatehouse.Error{Code: CodeSequenceItems, Status: 413, Message: "the sequence has too many items"}
		}
		if err := tape.Read(item, &b.o.Limits); err != nil {
			return false, unreadable(err)
		}
		mark := len(r.Violations)
		if m.item != nil && ok && !m.item.Check(tape, 0, r) {
			ok = false
			below(r, mark, "/"+strconv.Itoa(n))
		}
		if m.schema != nil {
			whole = append(append(whole, ','), item...)
		}
	}
	*buf = seq.buf
	if m.schema == nil || !ok {
		return ok, nil
	}
	if n == 0 {
		whole = append(whole, '[')
	}
	whole[0] = '['
	return readJSON(m.schema, append(whole, ']'), together(&b.o.Limits), r)
}

// below puts the violations from mark on under a pointer of their own.
func below(r *schema.Report, mark int, pointer string) {
	for i := mark; i < len(r.Violations); i++ {
		v := &r.Violations[i]
		v.Pointer = r.Base + pointer + v.Pointer[len(r.Base):]
	}
}

// A sequence hands out its items as JSON texts.
type sequence struct {
	rest []byte
	kind kind
	buf  []byte
}

func (q *sequence) next() (item []byte, more bool, err *gatehouse.Error) {
	switch q.kind {
	case kindSeq:
		return q.record()
	case kindEvents:
		return q.event()
	}
	return q.line()
}

// line takes one line (application/x-ndjson, JSON Lines). No line is empty; the last
// one may lack its end.
func (q *sequence) line() ([]byte, bool, *gatehouse.Error) {
	if len(q.rest) == 0 {
		return nil, false, nil
	}
	line, rest, _ := bytes.Cut(q.rest, []byte{'\n'})
	q.rest = rest
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if bytes.IndexByte(line, '\r') >= 0 {
		return nil, false, refuse(CodeSequence, "a line of the sequence holds a carriage return")
	}
	if len(line) == 0 {
		return nil, false, refuse(CodeSequence, "a line of the sequence is empty")
	}
	return line, true, nil
}

// record takes one record (RFC 7464): RS, a JSON text, LF.
func (q *sequence) record() ([]byte, bool, *gatehouse.Error) {
	const rs = 0x1e
	if len(q.rest) == 0 {
		return nil, false, nil
	}
	if q.rest[0] != rs {
		return nil, false, refuse(CodeSequence, "a record does not begin with the record separator")
	}
	q.rest = q.rest[1:]
	end := bytes.IndexByte(q.rest, rs)
	if end < 0 {
		end = len(q.rest)
	}
	item := q.rest[:end]
	q.rest = q.rest[end:]
	if len(item) == 0 || item[len(item)-1] != '\n' {
		return nil, false, refuse(CodeSequence, "a record does not end with a line feed")
	}
	return item, true, nil
}

// event takes one server-sent event (HTML, section 9.2.6) and makes an object of its
// fields: data, event, id (strings) and retry (a number). Comments are passed over.
func (q *sequence) event() ([]byte, bool, *gatehouse.Error) {
	var data, event, id, retry []byte
	var has [4]bool
	for len(q.rest) > 0 {
		line := q.cutLine()
		if len(line) == 0 {
			if has != [4]bool{} {
				break
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch string(name) {
		case "data":
			if has[0] {
				data = append(data, '\n')
			}
			data, has[0] = append(data, value...), true
		case "event":
			event, has[1] = value, true
		case "id":
			id, has[2] = value, true
		case "retry":
			if n, err := strconv.ParseUint(string(value), 10, 53); err == nil {
				retry, has[3] = strconv.AppendUint(nil, n, 10), true
			}
		}
	}
	if has == [4]bool{} {
		return nil, false, nil
	}
	q.buf = append(q.buf[:0], '{')
	for i, f := range [...]struct {
		name  string
		value []byte
	}{{"data", data}, {"event", event}, {"id", id}, {"retry", retry}} {
		if !has[i] {
			continue
		}
		if len(q.buf) > 1 {
			q.buf = append(q.buf, ',')
		}
		q.buf = append(append(append(q.buf, '"'), f.name...), '"', ':')
		if i == 3 {
			q.buf = append(q.buf, f.value...)
		} else {
			q.buf = strictjson.AppendQuoted(q.buf, f.value)
		}
	}
	q.buf = append(q.buf, '}')
	return q.buf, true, nil
}

// cutLine takes a line that ends with CR LF, LF or CR.
func (q *sequence) cutLine() []byte {
	end := bytes.IndexAny(q.rest, "\r\n")
	if end < 0 {
		line := q.rest
		q.rest = nil
		return line
	}
	line := q.rest[:end]
	if q.rest[end] == '\r' && end+1 < len(q.rest) && q.rest[end+1] == '\n' {
		end++
	}
	q.rest = q.rest[end+1:]
	return line
}
