package lab

import (
	"encoding/json"
	"fmt"
	"net/http"
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
	rate := 1.0
	if body.Currency != "" && body.Currency != "USD" {
		var ok bool
		if rate, ok = c.rate(body.Currency); !ok {
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
	o := &order{ID: c.store.id("o"), Owner: c.who.Subject, SKU: body.SKU, Quantity: body.Quantity,
		TotalCents: int64(float64(it.PriceCents) * rate * float64(body.Quantity)), Currency: body.Currency,
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
// it cannot tell. With UnsafeConsumption any number will do.
func (c *call) rate(currency string) (float64, bool) {
	resp, err := c.client.Get(c.Rates.URL() + "/rates/" + currency)
	if err != nil {
		c.fail(http.StatusBadGateway, "no rates today")
		return 0, false
	}
	defer resp.Body.Close()
	var body struct{ Rate float64 }
	err = json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<16)).Decode(&body)
	sane := body.Rate > 0.0001 && body.Rate < 10_000
	if err != nil || resp.StatusCode != http.StatusOK || !sane && !c.Flaws.UnsafeConsumption {
		c.fail(http.StatusUnprocessableEntity, fmt.Sprintf("no rate for %.8q", currency))
		return 0, false
	}
	return body.Rate, true
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
