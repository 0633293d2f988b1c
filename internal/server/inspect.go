package server

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// A DocumentSummary is what `gatehouse contract check` says of a document that can
// be used.
type DocumentSummary struct {
	Version    string        // "3.1.0"; of Swagger "2.0"
	Operations int           // that are served
	Schemas    int           // under components
	Files      int           // that it consists of
	Took       time.Duration // to read and compile it
}

// CheckDocument reads and compiles a document as a contract with nothing but
// defaults. The Diagnostics are what cannot be used, as errors, and what is not
// enforced, as warnings; the contract is nil where there are errors.
func CheckDocument(ctx context.Context, source document.Source) (*openapi.Contract, DocumentSummary, config.Diagnostics) {
	var sum DocumentSummary
	start := time.Now()
	doc, err := openapi.Load(ctx, source)
	if err != nil {
		ds := documentFaults(err, textOf(err))
		if p, ok := err.(*document.Problems); ok {
			ds = append(ds, config.InDocument(config.Warning, p.Warnings, p.Text)...)
		}
		return nil, sum, ds
	}
	sum.Version, sum.Operations, sum.Files = doc.Version, len(doc.Operations), len(doc.Files)
	if schemas := doc.Root.Get("components").Get("schemas"); schemas != nil {
		sum.Schemas = len(schemas.Keys)
	}
	c, err := openapi.Compile(doc, openapi.Options{Config: openapi.Config{File: source.Path, Errors: openapi.ErrorsConfig{Max: 100}}})
	sum.Took = time.Since(start)
	if err != nil {
		return nil, sum, append(documentFaults(err, doc.Text), config.InDocument(config.Warning, doc.Warnings, doc.Text)...)
	}
	return c, sum, config.InDocument(config.Warning, c.Warnings(), doc.Text)
}

func documentFaults(err error, text func(string) (string, bool)) config.Diagnostics {
	var list []*gatehouse.Error
	for _, err := range each(err) {
		list = append(list, gatehouse.AsError(err, "contract.document", 0))
	}
	return config.InDocument(config.Error, list, text)
}

// A Request is one that is explained: what would be sent.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        []byte
}

// An Explanation is what a document says of a request.
type Explanation struct {
	Accepted bool `json:"accepted"`
	Status   int  `json:"status,omitempty"` // of the refusal
	// Operation is the one that the request matches, "" for none.
	Operation string `json:"operation,omitempty"`
	Endpoint  string `json:"endpoint,omitempty"` // method and template
	At        string `json:"at,omitempty"`       // its line
	// Security is what the caller must show, "" for nothing. It is not judged.
	Security string `json:"security,omitempty"`
	// Violations are errors, and warnings where something is passed on and reported.
	Violations config.Diagnostics `json:"-"`
}

// ExplainRequest sends a request through the gateway's path, held to the contract
// alone: nobody is asked for a credential, and nothing is forwarded.
func ExplainRequest(ctx context.Context, c *openapi.Contract, r Request) (Explanation, error) {
	req, err := request(ctx, r)
	if err != nil {
		return Explanation{}, err
	}
	for _, op := range c.Operations() {
		op.Access = gatehouse.AccessPublic
	}
	seen := &explanation{contract: c}
	accept := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	guarded, err := gateway.Wrap(accept, gateway.Options{Operations: c.Operations(), ControlsOf: func(op *gatehouse.Operation) []gatehouse.Control {
		var out []gatehouse.Control
		for _, control := range []gatehouse.Control{c.Lifecycle(op), c.Request(op)} {
			if control != nil {
				out = append(out, control)
			}
		}
		return out
	}, Observers: []gatehouse.Observer{seen}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return Explanation{}, err
	}
	guarded.ServeHTTP(nowhere{}, req)
	return seen.Explanation, nil
}

// request spells the target as the caller did: it is the gateway's to normalise.
func request(ctx context.Context, r Request) (*http.Request, error) {
	target, host := r.URL, "localhost"
	if _, rest, ok := strings.Cut(r.URL, "://"); ok {
		at := strings.IndexAny(rest, "/?#")
		if at < 0 {
			at = len(rest)
		}
		host, target = rest[:at], rest[at:]
	}
	target, _, _ = strings.Cut(target, "#")
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://localhost/", bytes.NewReader(r.Body))
	if err != nil {
		return nil, &gatehouse.Error{Code: "explain.request", Message: "this is no request", Err: err}
	}
	if len(r.Body) == 0 {
		req.Body = http.NoBody
	}
	req.Host, req.RequestURI, req.RemoteAddr = host, target, "127.0.0.1:0"
	if u, err := url.Parse("http://localhost" + target); err == nil {
		req.URL = u
	}
	if r.Header != nil {
		req.Header = r.Header
	}
	return req, nil
}

// explanation observes the one exchange.
type explanation struct {
	Explanation
	contract *openapi.Contract
}

func (e *explanation) Observe(x *gatehouse.Exchange) {
	d := &x.Decision
	doc := e.contract.Document()
	e.Accepted = d.Result == gatehouse.Answered
	if !e.Accepted {
		e.Status = d.Status
	}
	if op := x.Operation; op != nil {
		e.Operation, e.Endpoint, e.At = op.ID, op.Endpoint, op.At.String()
		e.Security = demanded(doc, op.ID)
	}
	var broken, reported []*gatehouse.Error
	for _, v := range e.contract.Explain(d) {
		if v.Code == "match.undocumented" && v.Hint == "" {
			v.Hint = e.below(x.Request.Path)
		}
		if v.Status == 0 {
			reported = append(reported, v)
		} else {
			broken = append(broken, v)
		}
	}
	e.Violations = append(config.InDocument(config.Error, broken, doc.Text), config.InDocument(config.Warning, reported, doc.Text)...)
}

// below is a hint for a path that lacks the prefix of all of them.
func (e *explanation) below(path string) string {
	servers := e.contract.Document().Servers
	if len(servers) == 0 || servers[0].BasePath == "" || strings.HasPrefix(path, servers[0].BasePath+"/") {
		return ""
	}
	return "the paths of this document begin with " + servers[0].BasePath
}

// demanded says in words what an operation's security requirement asks for.
func demanded(doc *document.Document, id string) string {
	var ways []string
	for _, op := range doc.Operations {
		if op.ID != id {
			continue
		}
		for _, r := range op.Security {
			var schemes []string
			for _, u := range r {
				s := u.Scheme
				if len(u.Scopes) > 0 {
					s += " (" + strings.Join(u.Scopes, " ") + ")"
				}
				schemes = append(schemes, s)
			}
			if len(schemes) == 0 {
				schemes = []string{"nothing"}
			}
			ways = append(ways, strings.Join(schemes, " with "))
		}
	}
	return strings.Join(ways, ", or ")
}

// nowhere is where the answer goes: what matters is the decision.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
