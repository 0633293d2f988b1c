package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/openapi"
)

// contractPost is the request side of a contract: parameters and body.
func contractPost(ctx context.Context, _ *bench) (result, error) {
	post, err := ourContract(ctx, "3.0.3")
	if err != nil {
		return result{}, err
	}
	r, err := scaled(ctx, post)
	if err != nil {
		return r, err
	}
	newer, err := ourContract(ctx, "3.1.0")
	if err != nil {
		return r, err
	}
	again, err := scaled(ctx, newer)
	r.notes = append(r.notes, fmt.Sprintf("%.2f µs where the document is OpenAPI 3.1", again.value))
	return r, err
}

func contractPostAllocs(ctx context.Context, _ *bench) (result, error) {
	post, err := ourContract(ctx, "3.0.3")
	if err != nil {
		return result{}, err
	}
	r := result{oursUnit: "allocs"}
	for range 5 {
		r.runs = append(r.runs, testing.AllocsPerRun(2000, func() { err = errors.Join(err, post(1)) }))
	}
	r.value = median(r.runs)
	r.ours = r.value
	return r, err
}

// ourContract judges the call, again and again, its body read from a stream.
func ourContract(ctx context.Context, version string) (task, error) {
	contract, err := compileContract(ctx, version, openapi.Config{})
	if err != nil {
		return nil, err
	}
	op := contract.Operations()[0]
	if op.Method == "GET" {
		op = contract.Operations()[1]
	}
	control := contract.Request(op)
	x := &gatehouse.Exchange{Start: time.Now(), API: op.API, Operation: op, Principal: gatehouse.Anonymous}
	x.Params = []gatehouse.Param{{Name: "customer_id", Value: "1042", Raw: "1042"}}
	x.Request.Method, x.Request.Path, x.Request.Query = "POST", contractPath, contractQuery
	for _, f := range contractFields() {
		x.Request.Header = append(x.Request.Header, gatehouse.Field{Name: f.Name, Value: f.Value})
	}
	body := strings.NewReader(contractBody)
	return func(n int) error {
		for range n {
			body.Reset(contractBody)
			x.Request.Body = gatehouse.Body{Source: body, Length: int64(len(contractBody))}
			if err := x.Request.Body.ReadWhole(1 << 20); err != nil {
				return err
			}
			if v, err := control.Check(ctx, x); err != nil || v.Outcome != gatehouse.Pass {
				return fmt.Errorf("the contract: %v: %v %v", v.Outcome, v.Reason, err)
			}
		}
		return nil
	}, nil
}

func contractFields() []gatehouse.Field {
	return append([]gatehouse.Field{{Name: "X-Request-Source", Value: contractSource}, {Name: "Content-Type", Value: "application/json"}}, clientFields...)
}

// contractToKin compares the same call to kin-openapi, which is quicker with
// OpenAPI 3.0 than with 3.1, and mentions libopenapi-validator.
func contractToKin(ctx context.Context, b *bench) (result, error) {
	ours, err := ourContract(ctx, "3.0.3")
	if err != nil {
		return result{}, err
	}
	kin, err := kinContract(ctx, "3.0.3")
	if err != nil {
		return result{}, err
	}
	newer, err := kinContract(ctx, "3.1.0")
	if err != nil {
		return result{}, err
	}
	other, err := libopenapiValidator(ctx, b, "3.1.0")
	if err != nil {
		return result{}, err
	}
	yard, err := newYardstick()
	if err != nil {
		return result{}, err
	}
	_, times, _, err := interleave(ctx, yard, []task{ours, kin, newer})
	if err != nil {
		return result{}, err
	}
	r := result{ours: median(times[0]), oursUnit: "us", theirs: median(times[1]), theirsUnit: "us",
		notes: []string{fmt.Sprintf("in OpenAPI 3.1 kin-openapi needs %.0f µs and libopenapi-validator %.0f", median(times[2]), other)}}
	for i := range times[0] {
		r.runs = append(r.runs, times[1][i]/times[0][i])
	}
	r.value = median(r.runs)
	return r, nil
}

// newCall returns the call as net/http has it; body is what its body reads.
func newCall(body io.Reader) (*http.Request, error) {
	req, err := http.NewRequest("POST", "http://"+host+contractPath+"?"+contractQuery, body)
	if err != nil {
		return nil, err
	}
	for _, f := range contractFields() {
		req.Header.Add(f.Name, f.Value)
	}
	return req, nil
}

func kinContract(ctx context.Context, version string) (task, error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(fmt.Sprintf(contractDocument, version)))
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, err
	}
	req, err := newCall(strings.NewReader(contractBody))
	if err != nil {
		return nil, err
	}
	var route *routers.Route
	var params map[string]string
	if route, params, err = router.FindRoute(req); err != nil {
		return nil, err
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	return func(n int) error {
		for range n {
			req.Body = io.NopCloser(strings.NewReader(contractBody))
			in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: options}
			if err := openapi3filter.ValidateRequest(ctx, in); err != nil {
				return fmt.Errorf("kin-openapi: %w", err)
			}
		}
		return nil
	}, nil
}

// libopenapiValidator returns the µs that libopenapi-validator needs for the call.
// It runs as a process of its own.
func libopenapiValidator(ctx context.Context, b *bench, version string) (float64, error) {
	binary := filepath.Join(b.dir, "libopenapi")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, ".")
	cmd.Dir = "peers/libopenapi"
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build libopenapi: %w: %s", err, text)
	}
	doc, body := filepath.Join(b.dir, "orders.yaml"), filepath.Join(b.dir, "order.json")
	if err := errors.Join(os.WriteFile(doc, []byte(fmt.Sprintf(contractDocument, version)), 0o600), os.WriteFile(body, []byte(contractBody), 0o600)); err != nil {
		return 0, err
	}
	var headers []string
	for _, f := range contractFields() {
		headers = append(headers, f.Name+"="+f.Value)
	}
	text, err := exec.CommandContext(ctx, binary, "-document", doc, "-body", body, "-url", "http://"+host+contractPath+"?"+contractQuery,
		"-headers", strings.Join(headers, "|")).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("libopenapi: %w: %s", err, text)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
}

// contractGet is what a contract adds to a GET without a body: the path without
// sockets, with the contract's controls and without.
func contractGet(ctx context.Context, _ *bench) (result, error) {
	bare, err := servedGet(ctx, false)
	if err != nil {
		return result{}, err
	}
	whole, err := servedGet(ctx, true)
	if err != nil {
		return result{}, err
	}
	yard, err := newYardstick()
	if err != nil {
		return result{}, err
	}
	values, times, _, err := interleave(ctx, yard, []task{whole, bare})
	if err != nil {
		return result{}, err
	}
	r := result{ours: median(times[0]) - median(times[1]), oursUnit: "us",
		notes: []string{fmt.Sprintf("%.2f µs with the contract, %.2f without", median(times[0]), median(times[1]))}}
	for i := range values[0] {
		r.runs = append(r.runs, values[0][i]-values[1][i])
	}
	r.value = median(r.runs)
	return r, nil
}

// servedGet walks the path of a GET without sockets, its answer judged as well.
func servedGet(ctx context.Context, judged bool) (task, error) {
	contract, err := compileContract(ctx, "3.1.0", openapi.Config{})
	if err != nil {
		return nil, err
	}
	var routes []*gateway.Route
	for _, op := range contract.Operations() {
		op.Access = gatehouse.AccessPublic
		r := &gateway.Route{Operation: op, Forwarder: listed{}, Timeout: 30 * time.Second}
		if judged {
			for _, control := range []gatehouse.Control{contract.Request(op), contract.Response(op)} {
				r.Stages = append(r.Stages, gateway.NewStage(gatehouse.StepJudgeBody, control, gatehouse.Enforce))
			}
		}
		routes = append(routes, r)
	}
	site, err := gateway.NewSite(contract.Operations()[0].API, routes)
	if err != nil {
		return nil, err
	}
	router, err := gateway.NewRouter([]*gateway.Site{site})
	if err != nil {
		return nil, err
	}
	g := gateway.New(&gateway.Snapshot{Hash: "bench", Router: router, Limits: gateway.DefaultLimits()}, gateway.Equipment{})
	x, w := &gatehouse.Exchange{}, &silentWriter{}
	socket, fields := netip.MustParseAddrPort("192.0.2.7:41000"), contractFields()
	return func(n int) error {
		for range n {
			x.Start = time.Now()
			x.Peer.Socket, x.Peer.Listener = socket, "public"
			q := &x.Request
			q.Proto, q.Method, q.Scheme, q.Authority, q.Target = "HTTP/1.1", "GET", "http", host, contractPath+"?limit=20"
			q.Header = append(append(q.Header[:0], gatehouse.Field{Name: "Host", Value: host}), fields[2:]...)
			g.Serve(ctx, x, w)
			x.Reset()
			if w.status != 200 || w.bytes != len(listBody) {
				return fmt.Errorf("the path answers %d with %d bytes", w.status, w.bytes)
			}
		}
		return nil
	}, nil
}

var (
	listBody   = []byte(contractList[:strings.LastIndex(contractList[:990], `,{"id"`)] + "]")
	listHeader = gatehouse.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Content-Length", Value: fmt.Sprint(len(listBody))}}
)

// listed answers with a list of some orders, without going anywhere.
type listed struct{}

func (listed) Forward(_ context.Context, _ *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	if err := w.WriteHead(200, listHeader); err != nil {
		return err
	}
	_, err := w.Write(listBody)
	return err
}

// filterSpeed is how quickly an answer of 100 KB is cut down while it streams, in
// MB/s.
func filterSpeed(ctx context.Context, _ *bench) (result, error) {
	contract, err := compileContract(ctx, "3.1.0", openapi.Config{Rules: openapi.Rules{Answers: openapi.Filter}})
	if err != nil {
		return result{}, err
	}
	var x gatehouse.Exchange
	for _, op := range contract.Operations() {
		if op.Method == "GET" {
			x = gatehouse.Exchange{Start: time.Now(), API: op.API, Operation: op, Principal: gatehouse.Anonymous}
		}
	}
	filter, ok := contract.Response(x.Operation).(gatehouse.StreamFilter)
	if !ok {
		return result{}, errors.New("the contract has no filter of answers")
	}
	x.Request.Method, x.Response.Status, x.Response.Header = "GET", 200, gatehouse.Header{{Name: "Content-Type", Value: "application/json"}}
	text := []byte(contractList)
	cut := func(out io.Writer) error {
		w, err := filter.FilterResponse(&x, out)
		if err != nil {
			return err
		}
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 16<<10)
			if _, err := w.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return w.Close()
	}
	var out bytes.Buffer
	if err := cut(&out); err != nil {
		return result{}, err
	}
	if bytes.Contains(out.Bytes(), []byte("password_hash")) || bytes.Contains(out.Bytes(), []byte(`"cost"`)) || out.Len() < len(text)/2 {
		return result{}, errors.New("the filter did not do its work")
	}
	r, err := scaled(ctx, func(n int) error {
		for range n {
			if err := cut(io.Discard); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	speed := func(us float64) float64 { return float64(len(text)) / us }
	r.value, r.ours, r.oursUnit = speed(r.value), speed(r.ours), "MB/s"
	for i := range r.runs {
		r.runs[i] = speed(r.runs[i])
	}
	r.notes = append(r.notes, fmt.Sprintf("%d KB become %d", len(text)>>10, out.Len()>>10))
	return r, nil
}
