package audit

import "github.com/gatehouse/gatehouse"

// maxDetails is how many details and edits of one judgment are kept.
const maxDetails = 20

// appendDetails appends the places a verdict names. Pointers hold member names
// that a client chose, so they are masked like other text.
func (e *encoder) appendDetails(b []byte, details []gatehouse.Detail) []byte {
	b = append(b, `,"details":[`...)
	for i := range details[:min(len(details), maxDetails)] {
		if i > 0 {
			b = append(b, ',')
		}
		d := &details[i]
		b = appendString(append(b, `{"code":`...), d.Code, nameLimit)
		if d.Parameter != "" {
			b = e.appendFree(append(b, `,"parameter":`...), d.Parameter, nameLimit)
		}
		if d.Pointer != "" {
			b = e.appendFree(append(b, `,"pointer":`...), d.Pointer, pathLimit)
		}
		if d.Message != "" {
			b = e.appendFree(append(b, `,"message":`...), d.Message, textLimit)
		}
		if d.At.File != "" {
			b = appendAt(b, &d.At)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// edited reports whether a verdict changes the message to the upstream.
func edited(e *gatehouse.Edits) bool {
	return e.Query != nil || len(e.Drop) > 0 || len(e.Request) > 0
}

// appendEdits appends the names of what a verdict changes, never values.
func (e *encoder) appendEdits(b []byte, edits *gatehouse.Edits) []byte {
	b = append(b, `,"edits":[`...)
	start := len(b)
	if edits.Query != nil {
		b = append(b, `"query",`...)
	}
	for _, name := range edits.Drop[:min(len(edits.Drop), maxDetails)] {
		b = append(e.appendFree(b, "-"+name, nameLimit), ',')
	}
	for i := range edits.Request[:min(len(edits.Request), maxDetails)] {
		b = append(e.appendFree(b, edits.Request[i].Name, nameLimit), ',')
	}
	if len(b) > start {
		b = b[:len(b)-1]
	}
	return append(b, ']')
}
