package upstream

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/google/go-cmp/cmp"
)

func TestValidateReportsEverything(t *testing.T) {
	c := Config{
		Name: "a b",
		Endpoints: []Endpoint{
			{URL: "ftp://x"}, {URL: "http://user:secret@x"}, {URL: "http://x/path"}, {URL: "http://x", Weight: -1},
			{URL: "http://X:80"}, {URL: "http://[::1"}, {URL: "https://ok:99999"}, {URL: "http://"}, {URL: "http://y:0"}, {URL: "http://y?"},
		},
		Protocol: "h3", Balance: "random",
		Health:   Health{Path: "nopath", Interval: -1, Healthy: -1, Passive: Passive{Failures: -2, Eject: time.Hour}},
		Timeouts: Timeouts{Connect: -1, Head: time.Microsecond},
		Retries:  Retries{Attempts: 6, Budget: 1.5},
		Breaker:  Breaker{Failures: -5, Window: time.Nanosecond},
		TLS:      TLS{Pins: []string{"sha1/x", "sha256/short"}, Cert: "x", ServerName: "a b"},
		Resolve:  time.Nanosecond,
	}
	want := []string{"name", "protocol", "balance",
		"endpoints[0].url", "endpoints[1].url", "endpoints[2].url", "endpoints[3].weight", "endpoints[3].url",
		"endpoints[4].url", "endpoints[4].url", "endpoints[5].url", "endpoints[6].url", "endpoints[7].url", "endpoints[8].url", "endpoints[9].url",
		"health.path", "health.interval", "health.healthy", "health.passive.failures", "health.passive.eject",
		"timeouts.connect", "timeouts.head", "retries.attempts", "retries.budget", "breaker.failures", "breaker.window", "resolve",
		"tls.pins[0]", "tls.pins[1]", "tls", "tls.server_name"}
	if diff := cmp.Diff(want, places(t, c.Validate())); diff != "" {
		t.Error(diff)
	}
	for _, c := range []Config{
		{Name: "x", Endpoints: []Endpoint{{URL: "http://x"}}, Protocol: "h2"},
		{Name: "x", Endpoints: []Endpoint{{URL: "https://x"}}, Protocol: "h2c"},
		{Name: "x", Endpoints: []Endpoint{{URL: "http://x"}}, TLS: TLS{CA: "y"}},
	} {
		if got := places(t, c.Validate()); !slices.Equal(got, []string{"endpoints[0].url"}) {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if got := places(t, Config{Name: "x"}.Validate()); !slices.Equal(got, []string{"endpoints"}) {
		t.Errorf("no endpoints: %v", got)
	}
}

func places(t *testing.T, err error) []string {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("not joined: %v", err)
	}
	var list []string
	for _, e := range joined.Unwrap() {
		var g *gatehouse.Error
		if !errors.As(e, &g) || g.Message == "" || g.Code != "config.upstream" {
			t.Errorf("%#v", e)
			continue
		}
		list = append(list, g.At.File)
	}
	return list
}

func TestDefaults(t *testing.T) {
	c := Config{Name: "x", Endpoints: []Endpoint{{URL: "http://x"}}}
	d := c.WithDefaults()
	if err := errors.Join(c.Validate(), d.Validate()); err != nil {
		t.Error(err)
	}
	if c.Endpoints[0].Weight != 0 || d.Endpoints[0].Weight != 1 {
		t.Error("defaults were written into the original")
	}
	if diff := cmp.Diff(d, d.WithDefaults()); diff != "" {
		t.Error(diff)
	}
	if d.Retries.Attempts != 2 || d.Timeouts.Stream != 5*time.Minute || d.Breaker.Failures != 20 || d.Resolve != 30*time.Second {
		t.Errorf("%+v", d)
	}
}
