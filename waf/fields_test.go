package waf

import (
	"context"
	"errors"
	"testing"
)

// TestFieldsInBothCases is about names that the engine takes for one.
func TestFieldsInBothCases(t *testing.T) {
	w := screened(t, "SecRule ARGS_POST:a \"@streq 12\" \"id:1,phase:2,deny,log\"")
	theirs := byReference(w.reference)
	for _, body := range []string{"a=12&A=", "A=&a=12", "a=12&&A=1&"} {
		found := 0
		for range 50 {
			m := newMessage("POST", "/", "application/x-www-form-urlencoded", []byte(body))
			in := &Inspection{guard: &Guard{waf: w, screen: w.index.Compile(nil)}}
			if ok, err := in.prove(context.Background(), m); ok || !errors.Is(err, errAmbiguous) {
				t.Fatalf("%s: proven %v, %v", body, ok, err)
			}
			in.Close()
			if v := verdictOf(theirs(nil, m)); v.Interruption != "" {
				found++
			}
		}
		t.Logf("%s: the engine alone finds it %d times of 50", body, found)
	}
	for body, want := range map[string]bool{"a=1&b=2&&": true, "": true, "=&a": true, "a=1&a=2": true, "a=12&a=2": false} {
		m := newMessage("POST", "/", "application/x-www-form-urlencoded", []byte(body))
		in := &Inspection{guard: &Guard{waf: w, screen: w.index.Compile(nil)}}
		if ok, err := in.prove(context.Background(), m); ok != want || err != nil {
			t.Errorf("%q: proven %v, %v", body, ok, err)
		}
		in.Close()
		if v := verdictOf(theirs(nil, m)); (v.Interruption == "") != want {
			t.Errorf("%q: %v", body, v)
		}
	}
}
