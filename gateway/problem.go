package gateway

import (
	"net/http"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// A denial is why an exchange ends without an upstream's answer.
type denial struct {
	status int
	by     string // control or step
	result gatehouse.Result
	reason gatehouse.Reason
	fields []gatehouse.Field // for the answer
	// details are for the client to see.
	details []gatehouse.Detail
}

func refusal(by string, e *gatehouse.Error) *denial {
	return &denial{status: statusOf(e, 400), by: by, result: gatehouse.Refused, reason: e.Reason()}
}

func failure(by string, e *gatehouse.Error) *denial {
	return &denial{status: statusOf(e, 502), by: by, result: gatehouse.Failed, reason: e.Reason()}
}

func statusOf(e *gatehouse.Error, fallback int) int {
	if e.Status >= 400 && e.Status <= 599 {
		return e.Status
	}
	return fallback
}

// appendProblem writes a problem document (RFC 9457). The client learns the
// status, the code, a generic sentence and the request id; and where the trouble
// is, if a control says that this client may know. All parts are ours or checked,
// but quoted all the same.
func appendProblem(b []byte, status int, code, id string, details []gatehouse.Detail) []byte {
	b = append(b, `{"type":"about:blank","title":`...)
	b = appendQuoted(b, title(status))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"code":`...)
	b = appendQuoted(b, code)
	b = append(b, `,"detail":`...)
	b = appendQuoted(b, detail(status))
	b = append(b, `,"request_id":`...)
	b = appendQuoted(b, id)
	if len(details) > 0 {
		b = appendDetails(b, details)
	}
	return append(b, '}', '\n')
}

// appendDetails writes the extension member "errors" (RFC 9457, section 3.2): the
// places that are wrong, and no value.
func appendDetails(b []byte, details []gatehouse.Detail) []byte {
	b = append(b, `,"errors":[`...)
	for i := range details {
		if i > 0 {
			b = append(b, ',')
		}
		d := &details[i]
		b = append(b, `{"code":`...)
		b = appendQuoted(b, d.Code)
		if d.Parameter != "" {
			b = append(b, `,"parameter":`...)
			b = appendText(b, d.Parameter)
		}
		if d.Pointer != "" || d.Parameter == "" {
			b = append(b, `,"pointer":`...)
			b = appendText(b, d.Pointer)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func title(status int) string {
	if t := http.StatusText(status); t != "" {
		return t
	}
	return "Error"
}

// detail is the generic sentence for a status; it tells strangers nothing.
func detail(status int) string {
	switch {
	case status == 401:
		return "The request needs a valid credential."
	case status == 403:
		return "The caller may not do this."
	case status == 404:
		return "There is nothing here."
	case status == 405:
		return "The resource does not have this method."
	case status == 408:
		return "The request took too long to arrive."
	case status == 413, status == 414, status == 431:
		return "The request exceeds a size limit."
	case status == 429:
		return "Too many requests. Try again later."
	case status == 502, status == 504:
		return "The service behind this API did not answer properly."
	case status == 503:
		return "The service is not available right now. Try again later."
	case status >= 500:
		return "The request could not be completed."
	}
	return "The request is not acceptable."
}

// maxDetail bounds a name that a client may have made up.
const maxDetail = 256

// appendText quotes text that the client wrote itself (a member's name): as it is,
// but inert wherever it may be shown.
func appendText(b []byte, s string) []byte {
	if len(s) > maxDetail {
		s = s[:maxDetail]
	}
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '<' || c == '>' || c == '&' || c == utf8.RuneError || !unicode.IsPrint(c):
			b = append(b, '?')
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20 || c >= 0x7f:
			b = append(b, '?')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
