package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tuneLog writes a log of records: who met which rules where.
func tuneLog(t *testing.T, add func(met func(operation, peer, subject, outcome string, places ...string))) []string {
	t.Helper()
	var b strings.Builder
	n := 0
	add(func(operation, peer, subject, outcome string, places ...string) {
		n++
		var details []string
		for _, p := range places { // "942100 ARGS:q"
			rule, variable, _ := strings.Cut(p, " ")
			details = append(details, fmt.Sprintf(`{"code":%q,"parameter":%q,"message":"about %s: «xxx»"}`, "waf."+rule, variable, rule))
		}
		fmt.Fprintf(&b, `{"id":"ID%d","time":%q,"peer":%q,"api":"shop","operation":%q,"result":"answered","principal":{"method":"jwt","subject":%q},`+
			`"judgments":[{"control":"waf.request","step":"judge-body","mode":"monitor","outcome":%q,"code":"x","details":[%s]}]}`+"\n",
			n, time.Unix(int64(n), 0).UTC().Format(time.RFC3339), peer, operation, subject, outcome, strings.Join(details, ","))
	})
	name := filepath.Join(t.TempDir(), "decisions.jsonl")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{name}
}

func TestTune(t *testing.T) {
	files := tuneLog(t, func(met func(operation, peer, subject, outcome string, places ...string)) {
		for i := range 20 { // a rule that is wrong
			met("editProfile", fmt.Sprintf("10.0.0.%d", i%5), fmt.Sprint("user", i), "deny", "941100 ARGS:json.bio", "941110 ARGS:json.bio")
		}
		for i := range 12 { // numbers are one place
			met("editProfile", fmt.Sprintf("10.0.0.%d", i), fmt.Sprint("user", i), "deny", fmt.Sprintf("932100 ARGS:json.orders.%d.note", i))
		}
		for i := range 40 { // one address, whoever it says it is
			met("search", "10.9.9.9", fmt.Sprint("user", i), "deny", "942100 ARGS:q")
		}
		for i := range 40 { // harmless
			met("search", fmt.Sprintf("10.0.1.%d", i), "", "pass", "920350 REQUEST_HEADERS:host")
		}
		for i := range 40 { // a scan from many addresses
			for r := range 9 {
				met("search", fmt.Sprintf("10.0.2.%d", i), "", "deny", fmt.Sprintf("94210%d ARGS:sort", r))
			}
		}
		for i := range 15 {
			met("upload", fmt.Sprintf("10.0.3.%d", i), "", "deny", "932200 REQUEST_BODY")
			met("upload", fmt.Sprintf("10.0.3.%d", i), "", "deny", "932201 ARGS:"+strings.Repeat("x", 80)+"…")
			met("upload", fmt.Sprintf("10.0.3.%d", i%4), "", "deny", "932202 ARGS:few")
		}
	})
	got, err := Tune(files, TuneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for _, f := range got.Findings {
		why[f.Operation+" "+f.Rule+" "+strings.TrimRight(f.Variable, "x…")] = f.Why
	}
	for place, want := range map[string]string{
		"editProfile 941100 ARGS:json.bio": "", "editProfile 932100 ARGS:json.orders.*.note": "", "search 942100 ARGS:q": "only one address met it",
		"search 920350 REQUEST_HEADERS:host": "it refuses nobody", "search 942104 ARGS:sort": "only addresses that try out attacks met it",
		"upload 932200 REQUEST_BODY": "an exclusion cannot name this place", "upload 932201 ARGS:": "an exclusion cannot name this place",
		"upload 932202 ARGS:few": "too few callers met it",
	} {
		if have, ok := why[place]; !ok || have != want {
			t.Errorf("%s: %q, want %q", place, have, want)
		}
	}
	var x []string
	for _, e := range got.Exclusions() {
		x = append(x, fmt.Sprint(e.API, " ", e.Operation, " ", e.Field, " ", e.Rules))
	}
	if diff := cmp.Diff([]string{"shop editProfile bio [941100 941110]", "shop editProfile orders.*.note [932100]"}, x); diff != "" {
		t.Error(diff)
	}
	if got.Scanners != 40 || got.Records != 517 || got.Matched != 517 || got.Blocked != 477 {
		t.Errorf("%d scanners, %d records, %d matched, %d blocked", got.Scanners, got.Records, got.Matched, got.Blocked)
	}
	var text strings.Builder
	if err := got.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	const want = `  apis:
    - name: "shop"
      operations:
        - id: "editProfile"
+         waf:
+           exclusions:
+             # 941100 about 941100: 20 requests, 20 refused, of 20 callers from 5 addresses
+             # 941110 about 941110: 20 requests, 20 refused, of 20 callers from 5 addresses
+             - {fields: ["bio"], rules: ["941100", "941110"]}
+             # 932100 about 932100: 12 requests, 12 refused, of 12 callers from 12 addresses
+             - {fields: ["orders.*.note"], rules: ["932100"]}
`
	if !strings.HasSuffix(text.String(), want) {
		t.Errorf("got\n%s\nwant\n%s", &text, want)
	}
	if few, err := Tune(files, TuneOptions{Callers: 21}); err != nil || len(few.Exclusions()) != 0 {
		t.Errorf("%v %v", few.Exclusions(), err)
	}
	if none, err := Tune(files, TuneOptions{Filter: Filter{API: "other"}}); err != nil || none.Records != 0 {
		t.Errorf("%+v %v", none, err)
	}
}

func TestFieldOf(t *testing.T) {
	for variable, want := range map[string]string{
		"ARGS:q": "q", "ARGS_POST:json.a.*.b": "a.*.b", "REQUEST_HEADERS:x-note": "header:x-note", "REQUEST_COOKIES:s": "cookie:s", "query:url": "url",
		"body:/orders/*/url": "orders.*.url", "header:x-next": "header:x-next", "path": "", "REQUEST_URI": "", "ARGS_NAMES:x": "", "ARGS": "", "ARGS:a b": "", "ARGS:[number]": "",
	} {
		if got := fieldOf(variable); got != want {
			t.Errorf("%s: %q, want %q", variable, got, want)
		}
	}
}
