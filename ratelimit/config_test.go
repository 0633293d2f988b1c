package ratelimit

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/google/go-cmp/cmp"
)

// mistakes returns "path: code" of every error in err.
func mistakes(err error) (out []string) {
	if err == nil {
		return nil
	}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var g *gatehouse.Error
		if !errors.As(e, &g) {
			out = append(out, e.Error())
			continue
		}
		out = append(out, g.At.File+": "+g.Code)
	}
	return out
}

func TestValidate(t *testing.T) {
	good := func() Config {
		return Config{
			Levels: []Level{
				{Name: "global", Rate: Rate{5000, time.Second}},
				{Name: "upstream", Key: []string{"upstream"}, Rate: Rate{100000, 24 * time.Hour}},
				{Name: "address", Key: []string{"address"}, Rate: perMin(600), Exact: true},
				{Name: "client", Key: []string{"client"}, Rate: perMin(300), Burst: 50},
				{Name: "endpoint", Key: []string{"client", "address", "endpoint"}, Rate: perMin(100),
					Operations: map[string]Rate{"login": perMin(5)}},
			},
			Tiers: map[string]map[string]Rate{"gold": {"client": perMin(3000)}},
		}
	}
	if err := good().WithDefaults().Validate(); err != nil {
		t.Fatal(err)
	}
	if err := (Config{}).WithDefaults().Validate(); err != nil {
		t.Fatal(err)
	}
	if err := (Config{}).Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		wrong func(*Config)
		want  []string
	}{
		{"names", func(c *Config) {
			c.Levels[0].Name = "Glob al"
			c.Levels[1].Name = "address"
			c.Levels[3].Name = "failures"
		},
			[]string{"levels[0].name: config.name", "levels[2].name: config.duplicate", "levels[3].name: config.name", "tiers.gold.client: config.unknown_level"}},
		{"keys", func(c *Config) {
			c.Levels[0].Key = []string{"planet"}
			c.Levels[1].Key = []string{"client", "client"}
		},
			[]string{"levels[0].key: config.key", "levels[1].key: config.key"}},
		{"rates", func(c *Config) {
			c.Levels[0].Rate = Rate{}
			c.Levels[1].Rate = Rate{-1, time.Second}
			c.Levels[4].Operations["login"] = Rate{5, time.Millisecond}
			c.Failures.Rate = Rate{1, -1}
			c.Tiers["gold"]["client"] = Rate{}
		}, []string{"levels[0].rate: config.missing", "levels[1].rate: config.rate", "levels[4].operations.login: config.rate",
			"failures.rate: config.rate", "tiers.gold.client: config.missing"}},
		{"burst", func(c *Config) { c.Levels[3].Burst = -1; c.Levels[2].Burst = 5; c.Levels[1].Burst = 10_000_000 },
			[]string{"levels[1].burst: config.range", "levels[2].burst: config.conflict", "levels[3].burst: config.range", "levels[3].burst: config.range", "tiers.gold.client: config.range"}},
		{"exact", func(c *Config) { c.Levels[2].Rate = perMin(10001) }, []string{"levels[2].rate: config.range"}},
		{"operations", func(c *Config) { c.Levels[4].Key = []string{"client"} }, []string{"levels[4].operations: config.conflict"}},
		{"tier of an early level", func(c *Config) { c.Tiers["gold"]["address"] = perMin(5) }, []string{"tiers.gold.address: config.tier"}},
		{"suspicion", func(c *Config) { c.Suspicion = SuspicionConfig{Factor: 4, For: -1} },
			[]string{"suspicion.factor: config.range", "suspicion.for: config.range"}},
		{"not a number", func(c *Config) { c.Suspicion.Factor = math.NaN() }, []string{"suspicion.factor: config.range"}},
		{"max_keys", func(c *Config) { c.MaxKeys = -1 }, []string{"max_keys: config.range"}},
		{"too many", func(c *Config) {
			for i := range maxLevels {
				c.Levels = append(c.Levels, Level{Name: "l" + string(rune('a'+i)), Rate: perMin(1)})
			}
		}, []string{"levels: config.range"}},
	} {
		c := good()
		tt.wrong(&c)
		if d := cmp.Diff(tt.want, mistakes(c.WithDefaults().Validate())); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

func TestDefaults(t *testing.T) {
	yes := true
	want := Config{Failures: FailuresConfig{perMin(10)}, Suspicion: SuspicionConfig{0.25, time.Hour}, MaxKeys: 1_000_000, Headers: &yes}
	if d := cmp.Diff(want, Config{}.WithDefaults()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(ConcurrencyConfig{Adaptive: true, Max: 1000, Min: 20, Initial: 100}, ConcurrencyConfig{Adaptive: true}.WithDefaults()); d != "" {
		t.Error(d)
	}
}

func TestValidateConcurrency(t *testing.T) {
	for _, tt := range []struct {
		in   ConcurrencyConfig
		want []string
	}{
		{ConcurrencyConfig{}, nil},
		{ConcurrencyConfig{Adaptive: true}, nil},
		{ConcurrencyConfig{Adaptive: true, Max: 1}, nil},
		{ConcurrencyConfig{Max: 5, LowestTiersFirst: []string{"anonymous", "free"}}, nil},
		{ConcurrencyConfig{Max: -1}, []string{"max: config.range"}},
		{ConcurrencyConfig{Adaptive: true, Max: 5, Min: 6, Initial: 6}, []string{"min: config.range", "initial: config.range"}},
		{ConcurrencyConfig{Max: 5, Min: 2}, []string{"adaptive: config.conflict"}},
		{ConcurrencyConfig{LowestTiersFirst: []string{"free"}}, []string{"lowest_tiers_first: config.conflict"}},
		{ConcurrencyConfig{Max: 5, LowestTiersFirst: []string{"free", "free", ""}},
			[]string{"lowest_tiers_first[1]: config.duplicate", "lowest_tiers_first[2]: config.duplicate"}},
	} {
		if d := cmp.Diff(tt.want, mistakes(tt.in.Validate())); d != "" {
			t.Errorf("%+v: %s", tt.in, d)
		}
	}
}
