package lab

import (
	"encoding/csv"
	"net/http"
	"strconv"
)

// export writes whole tables, for those who may have them.
func (s *Shop) export() *Service {
	return &Service{Name: "export", Base: "/export", routes: []route{
		{"GET", "/orders", "exportOrders", exportOrders},
		{"GET", "/users", "exportUsers", exportUsers},
		{"GET", "/users/{user_id}/data", "exportMyData", exportMyData},
	}}
}

func exportOrders(c *call) {
	if !c.mustBeAdmin() {
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.effect("exported")
	c.w.Header().Set("Content-Type", "text/csv")
	out := csv.NewWriter(c.w)
	_ = out.Write([]string{"id", "owner", "sku", "quantity", "total_cents"})
	for i, id := range sortedKeys(c.store.orders) {
		if i == 1000 {
			break
		}
		o := c.store.orders[id]
		_ = out.Write([]string{o.ID, o.Owner, o.SKU, strconv.Itoa(o.Quantity), strconv.FormatInt(o.TotalCents, 10)})
	}
	out.Flush()
}

func exportUsers(c *call) {
	if !c.mustBeAdmin() {
		return
	}
	c.effect("exported")
	c.param["user_id"] = ""
	listUsers(c)
}

// exportMyData is what a customer may ask for by law: all of her own.
func exportMyData(c *call) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	u := c.lookupUser()
	if u == nil || !c.mayTouch(u.ID, "data") {
		return
	}
	c.effect("exported")
	profile := *u
	if !c.Flaws.BOPLA {
		profile.PasswordHash = ""
	}
	c.json(http.StatusOK, map[string]any{"profile": profile, "exported": true})
}
