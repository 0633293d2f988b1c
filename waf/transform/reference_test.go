package transform

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// A recorder is an operator of Coraza that notes every value it is given, and never
// matches. Its argument says which rule it belongs to.
type recorder struct{ rule string }

var seen struct {
	sync.Mutex
	values map[string][]string
}

func (r recorder) Evaluate(_ plugintypes.TransactionState, value string) bool {
	seen.values[r.rule] = append(seen.values[r.rule], strings.Clone(value))
	return false
}

var register = sync.OnceFunc(func() {
	plugins.RegisterOperator("record", func(o plugintypes.OperatorOptions) (plugintypes.Operator, error) {
		return recorder{o.Arguments}, nil
	})
})

// A reference is Coraza with two rules for every pipeline, one of them with multiMatch.
type reference struct {
	waf       coraza.WAF
	pipelines [][]string
}

func newReference(tb testing.TB, pipelines [][]string) *reference {
	tb.Helper()
	register()
	var text strings.Builder
	text.WriteString("SecRuleEngine On\n")
	for i, names := range pipelines {
		ts := "t:none"
		for _, name := range names {
			ts += ",t:" + name
		}
		fmt.Fprintf(&text, "SecRule ARGS_GET \"@record %d\" \"id:%d,phase:1,pass,nolog,%s\"\n", i, 2*i+1, ts)
		fmt.Fprintf(&text, "SecRule ARGS_GET \"@record %d,each\" \"id:%d,phase:1,pass,nolog,multiMatch,%s\"\n", i, 2*i+2, ts)
	}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(text.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return &reference{waf, pipelines}
}

// compare gives one value to Coraza and to the pipelines and reports what differs.
func (r *reference) compare(tb testing.TB, value string) {
	tb.Helper()
	seen.Lock()
	defer seen.Unlock()
	seen.values = map[string][]string{}
	tx := r.waf.NewTransaction()
	defer tx.Close()
	tx.AddGetRequestArgument("k", value)
	tx.ProcessRequestHeaders()

	for i, names := range r.pipelines {
		p, ok := Chain(names)
		if !ok {
			tb.Fatalf("%v is not known", names)
		}
		want := seen.values[fmt.Sprint(i)]
		if len(want) != 1 {
			tb.Fatalf("%v: Coraza evaluated the rule %d times", names, len(want))
		}
		got := p.Apply(value)
		if got != want[0] {
			tb.Errorf("%v of %q\n  is %q\nwant %q", names, value, got, want[0])
		}
		if set := p.Triggers(); set != nil && got != value && !holdsAny(value, set) {
			tb.Errorf("%v changes %q, which holds no trigger", names, value)
		}
		var each []string
		p.Each(value, func(s string) { each = append(each, s) })
		if want := seen.values[fmt.Sprint(i)+",each"]; fmt.Sprintf("%q", each) != fmt.Sprintf("%q", want) {
			tb.Errorf("%v of %q with multiMatch\nare %q\nwant %q", names, value, each, want)
		}
	}
}

func holdsAny(s string, set interface{ Has(byte) bool }) bool {
	for i := 0; i < len(s); i++ {
		if set.Has(s[i]) {
			return true
		}
	}
	return false
}
