package waf

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// TestNotProven holds messages that a rule matches, by ways on which it is easy to
// lose sight of it.
func TestNotProven(t *testing.T) {
	const json = `SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"` + "\n"
	form := func(target, body string, fields ...string) *Message {
		m := newMessage("POST", target, "application/x-www-form-urlencoded", []byte(body))
		for i := 0; i < len(fields); i += 2 {
			m.Header.Add(fields[i], fields[i+1])
		}
		return m
	}
	answer := func(m *Message) *Message {
		m.HasAnswer, m.Status, m.AnswerProto = true, 200, "HTTP/1.1"
		m.AnswerHeader = gatehouse.Header{{Name: "Content-Type", Value: "text/plain"}}
		m.HasAnswerBody, m.AnswerBody = true, []byte("aaaaaaaa")
		return m
	}
	tests := map[string]struct {
		rules string
		m     *Message
	}{
		"set at the time of a request, then set again for all": {`
			SecRule ARGS_GET:a "@rx 1" "id:1,phase:1,nolog,pass,setvar:tx.x=0"
			SecAction "id:2,phase:1,nolog,pass,setvar:tx.x=5"
			SecRule TX:x "@eq 5" "id:3,phase:2,deny"`, form("/?a=1", "")},
		"counted up for all": {`
			SecRule ARGS_GET:a "@rx 1" "id:1,phase:1,nolog,pass,setvar:tx.x=4"
			SecAction "id:2,phase:1,nolog,pass,setvar:tx.x=+1"
			SecRule TX:x "@eq 5" "id:3,phase:2,deny"`, form("/?a=1", "")},
		"a link that matches the body too early": {`
			SecAction "id:1,phase:1,nolog,pass,setvar:tx.y=1"
			SecRule ARGS:x "@rx a" "id:2,phase:1,nolog,pass,chain"
			SecRule REQUEST_METHOD "@streq POST" "setvar:tx.y=0"
			SecRule TX:y "@eq 1" "id:3,phase:2,deny"`, form("/", "x=a")},
		"fewer values to count": {`
			SecRule REQUEST_HEADERS:h "@rx a" "id:1,phase:1,nolog,pass,ctl:ruleRemoveTargetById=2;ARGS:q"
			SecRule &ARGS:q "@eq 0" "id:2,phase:2,deny"`, form("/?q=1", "", "h", "a")},
		"a rule removed is none to skip": {`
			SecAction "id:1,phase:1,nolog,pass,setvar:tx.x=1"
			SecRule REQUEST_HEADERS:h "@rx a" "id:2,phase:1,nolog,pass,ctl:ruleRemoveById=4"
			SecRule REQUEST_HEADERS:h "@rx a" "id:3,phase:2,nolog,pass,skip:1"
			SecRule ARGS:none "@rx ." "id:4,phase:2,deny"
			SecRule REQUEST_HEADERS:h "@rx a" "id:5,phase:2,nolog,pass,setvar:tx.x=0"
			SecRule TX:x "@eq 1" "id:6,phase:2,deny"`, form("/", "", "h", "a")},
		"skip after skipAfter": {`
			SecAction "id:1,phase:1,nolog,pass,setvar:tx.x=1"
			SecRule REQUEST_HEADERS:h "@rx a" "id:2,phase:2,nolog,pass,skip:1,skipAfter:M"
			SecMarker M
			SecRule REQUEST_HEADERS:h "@rx a" "id:5,phase:2,nolog,pass,setvar:tx.x=0"
			SecRule TX:x "@eq 1" "id:6,phase:2,deny"`, form("/", "", "h", "a")},
		"a marker removed": {`
			SecAction "id:1,phase:1,nolog,pass,setvar:tx.x=1"
			SecAction "id:2,phase:1,nolog,pass,ctl:ruleRemoveById=0"
			SecRule REQUEST_HEADERS:h "@rx a" "id:3,phase:1,nolog,pass,skipAfter:M"
			SecMarker M
			SecRule REQUEST_HEADERS:h "@rx a" "id:5,phase:1,nolog,pass,setvar:tx.x=0"
			SecMarker N
			SecRule TX:x "@eq 1" "id:6,phase:2,deny"`, nil},
		"MATCHED_VAR of an earlier rule": {`
			SecAction "id:1,phase:1,nolog,pass,setvar:tx.x=a"
			SecRule ARGS:a "@rx ." "id:2,phase:1,nolog,pass"
			SecRule TX:x "@streq %{MATCHED_VAR}" "id:3,phase:1,deny"`, form("/?a=a", "")},
		"MATCHED_VAR_NAME of a SecAction": {`
			SecAction "id:1,phase:1,nolog,pass,setvar:'tx.x=%{MATCHED_VAR_NAME}'"
			SecRule TX:x "@streq UNKNOWN" "id:2,phase:1,deny"`, form("/", "")},
		"MATCHED_VAR_NAME of a count": {`
			SecRule &ARGS:/^[ab]$/ "@eq 1" "id:1,phase:2,nolog,pass,setvar:'tx.x=%{MATCHED_VAR_NAME}'"
			SecRule TX:x "@contains /" "id:2,phase:2,deny"`, form("/?a=1", "")},
		"MATCHED_VAR within a link": {`
			SecRule REQUEST_METHOD "@rx ." "id:1,phase:1,nolog,pass,chain"
			SecRule ARGS_GET:a|MATCHED_VAR "@rx ^x" "setvar:tx.c=+1"
			SecRule TX:c "@eq 2" "id:2,phase:1,deny"`, form("/?a=x", "")},
		"captures within a link": {`
			SecRule REQUEST_METHOD "@rx (.)" "id:1,phase:1,nolog,pass,capture,chain"
			SecRule ARGS_GET:a|TX:1 "@rx ^(x)" "capture,setvar:tx.c=+1"
			SecRule TX:c "@eq 2" "id:2,phase:1,deny"`, form("/?a=x", "")},
		"an operator reads what its link sets": {`
			SecAction "id:1,phase:1,nolog,pass,setvar:tx.x=1,setvar:tx.c=0"
			SecRule ARGS_GET:a|ARGS_GET:b "@streq %{tx.x}" "id:2,phase:1,nolog,pass,setvar:tx.x=2,setvar:tx.c=+1"
			SecRule TX:c "@eq 2" "id:3,phase:1,deny"`, form("/?a=1&b=2", "")},
		"the same for all requests": {`
			SecAction "id:1,phase:1,nolog,pass,setvar:tx.x=1,setvar:tx.c=0,setvar:tx.a=1,setvar:tx.b=2"
			SecRule TX:a|TX:b "@streq %{tx.x}" "id:2,phase:1,nolog,pass,setvar:tx.x=2,setvar:tx.c=+1"
			SecRule TX:c "@eq 2" "id:3,phase:1,deny"`, form("/", "")},
		"a chain that becomes known late": {`
			SecAction "id:1,phase:2,nolog,pass,setvar:'tx.x=2'"
			SecRule TX:x "@rx ^(.)" "id:2,phase:2,nolog,pass,setvar:'tx.y=0',chain"
			SecRule MATCHED_VAR "!@eq 5" "t:none"
			SecRule ARGS_GET:a "@contains %{tx.y}" "id:4,phase:2,deny"
			SecRule REQUEST_COOKIES "@rx ." "id:5,phase:2,nolog,pass,setvar:'tx.x=3'"`, form("/?a=0", "")},
		"MATCHED_VARS by their names": {`
			SecRule ARGS_GET:a "@rx ." "id:1,phase:1,nolog,pass,chain"
			SecRule MATCHED_VARS "@rx ." "setvar:'tx.y=%{MATCHED_VAR_NAME}'"
			SecRule TX:y "@streq MATCHED_VARS:ARGS_GET:a" "id:2,phase:1,deny"`, form("/?a=0", "")},
		"a capture overwritten": {`
			SecRule ARGS_GET:a "@rx (.)" "id:1,phase:1,nolog,pass,capture,setvar:tx.1=z,chain"
			SecRule TX:1 "@streq z" "setvar:tx.c=1"
			SecRule TX:c "@eq 1" "id:2,phase:1,deny"`, form("/?a=x", "")},
		"TX of the JSON parser": {json + `
			SecRule TX:json_request_body "@contains a" "id:1,phase:2,deny"`, newMessage("POST", "/", "application/json", []byte(`{"a":1}`))},
		"TX of the JSON parser by pattern": {json + `
			SecRule TX:/body/ "@contains a" "id:1,phase:2,deny"`, newMessage("POST", "/", "application/json", []byte(`{"a":1}`))},
		"TX of the JSON parser in a macro": {json + `
			SecRule ARGS_GET:q "@streq %{tx.json_request_body}" "id:1,phase:2,deny"`, newMessage("POST", "/?q={}", "application/json", []byte(`{}`))},
		"a parser's rule that denies": {json + `
			SecRuleUpdateActionById 200001 "deny"`, newMessage("POST", "/", "application/json", []byte(`{"a":1}`))},
		"a parser's number for another rule": {`
			SecRule ARGS "@rx a" "id:901340,phase:2,deny"`, form("/?q=a", "")},
		"a parser's rule removed": {`
			SecAction "id:1,phase:1,nolog,pass,ctl:ruleRemoveById=200001
			` + json + `SecRule &ARGS_POST "@eq 0" "id:3,phase:2,deny"`, newMessage("POST", "/", "application/json", []byte(`{"a":1}`))},
		"a parser's rule removed for some": {`
			SecRule REQUEST_METHOD "@streq POST" "id:1,phase:1,nolog,pass,ctl:ruleRemoveById=200001"
			` + json + `SecRule &ARGS_POST "@eq 0" "id:3,phase:2,deny"`, newMessage("POST", "/", "application/json", []byte(`{"a":1}`))},
		"a parser's rule skipped": {`
			SecAction "id:1,phase:1,nolog,pass,skip:1"
			` + json + `SecRule &ARGS_POST "@eq 0" "id:3,phase:2,deny"`, newMessage("POST", "/", "application/json", []byte(`{"a":1}`))},
		"a parser's rule skipped for some": {`
			SecRule REQUEST_METHOD "@streq POST" "id:1,phase:1,nolog,pass,skipAfter:M"
			` + json + `SecMarker M
			SecRule &ARGS_POST "@eq 0" "id:3,phase:2,deny"`, newMessage("POST", "/", "application/json", []byte(`{"a":1}`))},
		"a limit of answers": {`
			SecResponseBodyAccess On
			SecResponseBodyMimeType text/plain
			SecResponseBodyLimit 4
			SecResponseBodyLimitAction Reject`, answer(form("/", ""))},
	}
	replays := newReplays(ReplayConfig{Workers: 1, Queue: 1, Wait: time.Minute, Budget: time.Hour, Burst: 1000 * time.Hour, Callers: 1, Bytes: 1 << 30}, nil)
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			if c.m == nil {
				c.m = form("/", "", "h", "a")
			}
			g, err := guardOf(strings.ReplaceAll(c.rules, "ruleRemoveById=200001\n", "ruleRemoveById=200001\"\n"), nil, replays)
			if err != nil {
				t.Fatal(err)
			}
			defer g.waf.reference.close()
			if res, err := byReference(g.waf.reference)(nil, c.m); err != nil || res.Interruption == nil && name != "a marker removed" {
				t.Fatalf("the reference says %+v, %v", res, err)
			}
			in := &Inspection{guard: g, Proven: true}
			defer in.Close()
			ok, err := in.prove(context.Background(), c.m)
			if ok && c.m.HasAnswer {
				_, err = in.Answer(context.Background(), c.m)
			}
			if ok && in.Proven || err != nil {
				t.Errorf("proven, %v", err)
			}
		})
	}
}

// TestQuietScore is about a score that rises without any rule that logs.
func TestQuietScore(t *testing.T) {
	w := screened(t, `SecRule ARGS_GET:a "@rx 1" "id:1,phase:1,nolog,pass,setvar:tx.s=5"
		SecAction "id:2,phase:2,nolog,pass,setvar:'tx.blocking_inbound_anomaly_score=+%{tx.s}'"`)
	for target, want := range map[string]int{"/?a=1": 5, "/?a=2": 0} {
		if res, err := byScreen(w)(map[string]string{"s": "0"}, newMessage("POST", target, "", nil)); err != nil || res.Inbound != want {
			t.Errorf("%s: %+v, %v", target, res, err)
		}
	}
}

// TestBareKeepsNothing is about rules with the largest numbers, which the parsing
// transaction must not run either.
func TestBareKeepsNothing(t *testing.T) {
	w := screened(t, `SecAction "id:1,phase:1,nolog,pass,setvar:tx.go=1"
		SecRule &TX:go "@eq 0" "id:3000000000,phase:1,nolog,pass,ctl:requestBodyProcessor=JSON"
		SecRule ARGS_POST:a "@rx 1" "id:2,phase:2,deny"`)
	res, err := byScreen(w)(nil, newMessage("POST", "/", "application/x-www-form-urlencoded", []byte("a=1")))
	if err != nil || res.Interruption == nil {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestBoundedInAnswers is about values that a contract allows and a rule on answers
// looks at.
func TestBoundedInAnswers(t *testing.T) {
	w := screened(t, `SecRule ARGS "@streq admin" "id:1,phase:3,deny"`)
	s := w.index.Compile(nil)
	s.Bound([]string{"admin", "user"})
	for target, want := range map[string]bool{"/?role=admin": true, "/?role=user": false} {
		m := newMessage("GET", target, "", nil)
		m.Bounded, m.HasAnswer, m.Status, m.AnswerProto = true, true, 200, "HTTP/1.1"
		in, _, err := (&Guard{waf: w, screen: s}).Inspect(context.Background(), m, Caller{})
		if err != nil {
			t.Fatal(err)
		}
		if res, err := in.Answer(context.Background(), m); err != nil || (res.Interruption != nil) != want {
			t.Errorf("%s: %+v, %v", target, res, err)
		}
		in.Close()
	}
}
