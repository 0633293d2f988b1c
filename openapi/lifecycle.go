package openapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// lifecycle is "openapi.lifecycle": it tells callers when an operation is deprecated
// (RFC 9745) and gone (RFC 8594), and answers 410 from then on.
type lifecycle struct {
	op     *operation
	sunset time.Time
	tell   gatehouse.Verdict // the pass, with the fields
}

// compileLifecycle takes the dates from the configuration, else from the document:
// x-deprecated-at and x-sunset, with x-deprecation-link and x-successor. Where an
// operation is deprecated and nobody says since when, there is no Deprecation field
// to send: its value is a date.
func (op *operation) compileLifecycle(own OperationConfig) (*lifecycle, error) {
	n := op.doc.Node
	for _, d := range []struct {
		to   *Date
		name string
	}{{&own.Deprecated, "x-deprecated-at"}, {&own.Sunset, "x-sunset"}} {
		if text := n.Str(d.name); text != "" && d.to.IsZero() {
			if err := d.to.UnmarshalText([]byte(text)); err != nil {
				e := gatehouse.AsError(err, "contract.date", 0)
				e.At = n.Get(d.name).At
				return nil, e
			}
		}
	}
	for _, l := range []struct {
		to   *string
		name string
	}{{&own.Link, "x-deprecation-link"}, {&own.Successor, "x-successor"}} {
		if *l.to != "" {
			continue
		}
		if *l.to = n.Str(l.name); *l.to != "" && !validLink(*l.to) {
			return nil, &gatehouse.Error{Code: "contract.link", Message: l.name + " is not a URL", At: n.Get(l.name).At}
		}
	}
	l := &lifecycle{op: op, sunset: own.Sunset.Time, tell: gatehouse.Passed()}
	var fields []gatehouse.Field
	if !own.Deprecated.IsZero() {
		fields = append(fields, gatehouse.Field{Name: "Deprecation", Value: "@" + strconv.FormatInt(own.Deprecated.Unix(), 10)})
	}
	if !l.sunset.IsZero() {
		fields = append(fields, gatehouse.Field{Name: "Sunset", Value: l.sunset.Format(http.TimeFormat)})
	}
	var links []string
	if own.Link != "" {
		links = append(links, "<"+own.Link+`>; rel="deprecation"`)
		if !l.sunset.IsZero() {
			links = append(links, "<"+own.Link+`>; rel="sunset"`)
		}
	}
	if own.Successor != "" {
		links = append(links, "<"+own.Successor+`>; rel="successor-version"`)
	}
	if len(links) > 0 {
		fields = append(fields, gatehouse.Field{Name: "Link", Value: strings.Join(links, ", ")})
	}
	if len(fields) == 0 {
		return nil, nil
	}
	l.tell.Edits.Response = fields
	return l, nil
}

// validLink reports whether s can stand in a Link field as it is (RFC 8288).
func validLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && !strings.ContainsAny(s, "<>\" \\^`{|}") && (u.Scheme == "https" || u.Scheme == "http" || u.Scheme == "" && strings.HasPrefix(s, "/"))
}

func (l *lifecycle) Name() string { return LifecycleName }

// Step is where the control belongs.
func (l *lifecycle) Step() gatehouse.Step { return gatehouse.StepJudgeHead }

func (l *lifecycle) Check(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	if !l.sunset.IsZero() && !x.Start.Before(l.sunset) {
		v := gatehouse.Denied(http.StatusGone, gatehouse.Reason{Code: CodeSunset, Message: "the operation is gone since " + l.sunset.Format(time.DateOnly), At: l.op.At})
		v.Edits = l.tell.Edits
		return v, nil
	}
	return l.tell, nil
}
