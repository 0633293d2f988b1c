package ratelimit

import (
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	tests := []struct {
		in   string
		want Rate
		out  string // "" where in is the canonical form
	}{
		{"60/min", Rate{60, time.Minute}, ""},
		{"5000/s", Rate{5000, time.Second}, ""},
		{"100000/day", Rate{100000, 24 * time.Hour}, ""},
		{"100/10s", Rate{100, 10 * time.Second}, ""},
		{"2/h", Rate{2, time.Hour}, ""},
		{"3/15min", Rate{3, 15 * time.Minute}, ""},
		{"1000/31d", Rate{1000, 31 * 24 * time.Hour}, "1000/31day"},
		{" 7 / hour ", Rate{7, time.Hour}, "7/h"},
		{"7/minute", Rate{7, time.Minute}, "7/min"},
		{"7/sec", Rate{7, time.Second}, "7/s"},
		{"90/60s", Rate{90, time.Minute}, "90/min"},
		{"1000000/s", Rate{1000000, time.Second}, ""},
	}
	for _, tt := range tests {
		r, err := ParseRate(tt.in)
		if err != nil || r != tt.want {
			t.Errorf("ParseRate(%q) = %+v, %v", tt.in, r, err)
			continue
		}
		out := tt.out
		if out == "" {
			out = tt.in
		}
		if r.String() != out {
			t.Errorf("ParseRate(%q).String() = %q, want %q", tt.in, r, out)
		}
	}
	for _, in := range []string{"", "60", "/min", "0/s", "-1/s", "+1/s", "60/", "60/0s", "60/m", "60/month", "60/min/s", "6.5/s",
		"1000001/s", "2000000000/day", "1/32d", "1/1e9s", "1/-1s", "1/99999999999999999999s", "1/1 s", "9223372036854775808/s"} {
		if r, err := ParseRate(in); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", in, r)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"60/min", "5000/s", "100/10s", "2/h", "1/31d", "x", "1/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil {
			if !r.IsZero() {
				t.Fatalf("an error and %+v", r)
			}
			return
		}
		if !r.valid() {
			t.Fatalf("ParseRate(%q) = %+v", s, r)
		}
		text, _ := r.MarshalText()
		var again Rate
		if err := again.UnmarshalText(text); err != nil || again != r {
			t.Fatalf("%q -> %+v -> %q -> %+v, %v", s, r, text, again, err)
		}
		l := newLimit(r, 0, false)
		if l.Interval <= 0 || l.Interval*time.Duration(l.Count) < l.Period {
			t.Fatalf("%q: an interval of %s allows more than the rate", s, l.Interval)
		}
	})
}
