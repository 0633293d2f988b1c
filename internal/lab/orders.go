package lab

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// orders takes orders and keeps them.
func (s *Shop) orders() *Service {
	return &Service{Name: "orders", Base: "/sales", routes: []route{
		{"POST", "/orders", "createOrder", createOrder},
		{"GET", "/orders/{order_id}", "getOrder", getOrder},
		{"POST", "/orders/{order_id}/cancel", "cancelOrder", cancelOrder},
		{"POST", "/orders/{order_id}/refund", "refundOrder", refundOrder},
		{"GET", "/v0/orders", "", allOrders},
	}}
}

// fairShare is how many orders of one person a minute a shop with its eyes open
// would take.
const fairShare = 30

func createOrder(c *call) {
	if !c.mustBeKnown() {
		return
	}
	var body struct {
		SKU      string `json:"sku"`
		Quantity int    `json:"quantity"`
		Currency string `json:"currency"`
		Note     string `json:"note"`
	}
	if !c.decode(&body) {
		return
	}
	rate, discount := 1.0, int64(0)
	if body.Currency != "" && body.Currency != "USD" {
		var ok bool
		if rate, discount, ok = c.rate(body.Currency); !ok {
			return
		}
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	it := c.store.items[body.SKU]
	if it == nil || body.Quantity < 1 || body.Quantity > 1000 {
		c.fail(http.StatusUnprocessableEntity, "no such item or quantity")
		return
	}
	if len(c.store.orders) >= maxObjects {
		c.fail(http.StatusInsufficientStorage, "the shop is full")
		return
	}
	if !c.Flaws.SensitiveFlows && c.Effect(c.run, "order.created") >= fairShare {
		c.fail(http.StatusTooManyRequests, "that is a lot of shopping")
		return
	}
	total := int64(float64(it.PriceCents) * rate * float64(body.Quantity))
	if discount > 0 {
		total -= discount
		c.effect("order.discounted")
	}
	o := &order{ID: c.store.id("o"), Owner: c.who.Subject, SKU: body.SKU, Quantity: body.Quantity,
		TotalCents: total, Currency: body.Currency,
		Status: "new", Note: body.Note}
	c.store.orders[o.ID] = o
	c.effect("order.created")
	if o.TotalCents <= 0 {
		c.effect("order.negative")
	}
	c.w.Header().Set("Location", "/sales/orders/"+o.ID)
	c.json(http.StatusCreated, o)
}

// rate asks the rates provider what one dollar is in currency, and answers where
// it cannot tell. With UnsafeConsumption it goes where the provider sends it, reads
// however much there is, takes any number, and lets the provider's page say more
// than the shop asked for.
func (c *call) rate(currency string) (rate float64, discount int64, ok bool) {
	if known, ok := c.lately.get(currency); ok {
		return known, 0, true
	}
	client := *c.client
	client.Transport = c.outward.Load()
	most := int64(hugeAnswer * 2)
	if !c.Flaws.UnsafeConsumption {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		most = 1 << 16
	}
	resp, err := client.Get(c.ratesURL() + "/rates/" + url.PathEscape(currency))
	if err != nil {
		c.fail(http.StatusBadGateway, "no rates today")
		return 0, 0, false
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most))
	c.effectN("rates.bytes", int64(len(raw)))
	var body struct {
		Rate     float64
		Discount int64 `json:"discount_cents"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	sane := body.Rate > 0.0001 && body.Rate < 10_000 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json")
	if err != nil || resp.StatusCode != http.StatusOK || !sane && !c.Flaws.UnsafeConsumption {
		c.fail(http.StatusUnprocessableEntity, "no rate for that currency")
		return 0, 0, false
	}
	if !sane {
		c.effect("rates.believed")
	} else if body.Discount == 0 {
		c.lately.put(currency, body.Rate)
	}
	if !c.Flaws.UnsafeConsumption {
		body.Discount = 0
	}
	return body.Rate, body.Discount, true
}

// lookupOrder finds the order of the path, or answers 404. The caller holds mu.
func (c *call) lookupOrder() *order {
	o := c.store.orders[c.param["order_id"]]
	if o == nil {
		c.fail(http.StatusNotFound, "no such order")
	}
	return o
}

func getOrder(c *call) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if o := c.lookupOrder(); o != nil && c.mayTouch(o.Owner, "order") {
		c.json(http.StatusOK, o)
	}
}

func cancelOrder(c *call) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if o := c.lookupOrder(); o != nil && c.mayTouch(o.Owner, "order") {
		o.Status = "cancelled"
		c.json(http.StatusOK, o)
	}
}

func refundOrder(c *call) {
	if !c.mustBeAdmin() {
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if o := c.lookupOrder(); o != nil {
		o.Status = "refunded"
		c.effect("order.refunded")
		c.json(http.StatusOK, o)
	}
}

// allOrders is version 0, which nobody switched off.
func allOrders(c *call) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.effect("zombie.version")
	list := []order{}
	for _, id := range sortedKeys(c.store.orders) {
		list = append(list, *c.store.orders[id])
	}
	c.json(http.StatusOK, list)
}
