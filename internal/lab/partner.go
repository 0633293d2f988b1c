package lab

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// partner gives partners the price list, by API key.
func (s *Shop) partner() *Service {
	return &Service{Name: "partner", Base: "/partner", routes: []route{
		{"GET", "/feed", "getFeed", getFeed},
	}}
}

func getFeed(c *call) {
	if !c.mustBeKnown() {
		return
	}
	if !c.Flaws.BFLA && !slices.Contains(c.who.Roles, "partner") {
		c.fail(http.StatusForbidden, "partners only")
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.effect("feed.read")
	list := []any{}
	for _, sku := range c.store.skus {
		it := c.store.items[sku]
		entry := map[string]any{"sku": it.SKU, "price_cents": it.PriceCents, "secret_rebate": "feed-" + sku}
		if c.Flaws.BOPLA || slices.Contains(c.who.Roles, "admin") {
			entry["cost_cents"] = it.CostCents
		}
		list = append(list, entry)
	}
	c.json(http.StatusOK, map[string]any{"partner": c.who.Subject, "items": list})
}

// rateBook is what the rates provider believes, and what it says where it has been
// taken over.
type rateBook struct {
	mu    *sync.Mutex
	rates map[string]float64
	wrong map[string]http.HandlerFunc
}

func newRateBook() rateBook {
	return rateBook{&sync.Mutex{}, map[string]float64{"EUR": 0.9, "GBP": 0.8, "JPY": 150}, map[string]http.HandlerFunc{}}
}

// TakeOver makes the third party answer for a currency whatever h does; nil gives
// it back.
func (s *Shop) TakeOver(currency string, h http.HandlerFunc) {
	s.rates.mu.Lock()
	defer s.rates.mu.Unlock()
	if h == nil {
		delete(s.rates.wrong, currency)
		return
	}
	s.rates.wrong[currency] = h
}

// SetRate makes the third party say so, as one who took it over would; zero
// forgets the currency.
func (s *Shop) SetRate(currency string, rate float64) {
	s.rates.mu.Lock()
	defer s.rates.mu.Unlock()
	if rate == 0 {
		delete(s.rates.rates, currency)
		return
	}
	s.rates.rates[currency] = rate
}

// rateCache keeps what the provider said for a second: the shop does not ask for
// every order.
type rateCache struct{ rates sync.Map }

type agedRate struct {
	rate float64
	at   time.Time
}

func (k *rateCache) get(currency string) (float64, bool) {
	v, _ := k.rates.Load(currency)
	r, ok := v.(agedRate)
	return r.rate, ok && time.Since(r.at) < time.Second
}

func (k *rateCache) put(currency string, rate float64) {
	k.rates.Store(currency, agedRate{rate, time.Now()})
}

// ratesProvider is a third party's API that the shop consumes.
func (s *Shop) ratesProvider() *Service {
	return &Service{Name: "rates", Base: "/rates", routes: []route{
		{"GET", "/{currency}", "getRate", func(c *call) {
			c.rates.mu.Lock()
			rate, ok := c.rates.rates[c.param["currency"]]
			wrong := c.rates.wrong[c.param["currency"]]
			c.rates.mu.Unlock()
			if wrong != nil {
				wrong(c.w, c.r)
				return
			}
			if !ok {
				c.fail(http.StatusNotFound, "no such currency")
				return
			}
			c.json(http.StatusOK, map[string]float64{"rate": rate})
		}},
	}}
}

// metadata stands for a cloud's metadata address, which hands out credentials to
// whoever reaches it from inside.
func (s *Shop) metadata() *Service {
	return &Service{Name: "metadata", Base: "/latest", routes: []route{
		{"GET", "/meta-data/{run}", "readMetadata", func(c *call) {
			c.evidence.effect(c.param["run"], "metadata.read", 1)
			c.json(http.StatusOK, map[string]string{"secret_access_key": "cloud-secret-" + c.param["run"]})
		}},
	}}
}

// collector is the attacker's own server: it notes who calls, and serves her keys.
func (s *Shop) collector() *Service {
	return &Service{Name: "collector", Base: "/collect", routes: []route{
		{"GET", "/{run}", "collect", func(c *call) {
			c.evidence.effect(strings.TrimSuffix(c.param["run"], ".json"), "collector.called", 1)
			c.w.Header().Set("Content-Type", "application/jwk-set+json")
			_, _ = c.w.Write(c.Issuer.attackerKeys)
		}},
	}}
}
