package lab

import "net/http"

// payments takes payments for orders; a workload settles them at night.
func (s *Shop) payments() *Service {
	return &Service{Name: "payments", Base: "/billing", routes: []route{
		{"POST", "/payments", "payOrder", payOrder},
		{"GET", "/payments/{payment_id}", "getPayment", getPayment},
		{"POST", "/payments/{payment_id}/settle", "settlePayment", settlePayment},
	}}
}

func payOrder(c *call) {
	if !c.mustBeKnown() {
		return
	}
	var body struct {
		OrderID string `json:"order_id"`
		IBAN    string `json:"iban"`
	}
	if !c.decode(&body) {
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	o := c.store.orders[body.OrderID]
	if o == nil {
		c.fail(http.StatusUnprocessableEntity, "no such order")
		return
	}
	if !c.mayTouch(o.Owner, "order") {
		return
	}
	if len(c.store.payments) >= maxObjects {
		c.fail(http.StatusInsufficientStorage, "the shop is full")
		return
	}
	o.Status = "paid"
	p := &payment{ID: c.store.id("p"), OrderID: o.ID, Owner: o.Owner, AmountCents: o.TotalCents,
		IBAN: body.IBAN, Status: "authorized"}
	c.store.payments[p.ID] = p
	c.json(http.StatusCreated, p)
}

func getPayment(c *call) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	p := c.store.payments[c.param["payment_id"]]
	if p == nil {
		c.fail(http.StatusNotFound, "no such payment")
		return
	}
	if c.mayTouch(p.Owner, "payment") {
		c.json(http.StatusOK, p)
	}
}

// settlePayment is for the settlement workload alone.
func settlePayment(c *call) {
	if !c.Flaws.BFLA && c.who.Subject != SettlementID {
		c.fail(http.StatusForbidden, "the settlement workload only")
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	p := c.store.payments[c.param["payment_id"]]
	if p == nil {
		c.fail(http.StatusNotFound, "no such payment")
		return
	}
	p.Status = "settled"
	c.effect("payment.settled")
	c.json(http.StatusOK, p)
}
