package lab

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// catalogue shows what there is to buy.
func (s *Shop) catalogue() *Service {
	return &Service{Name: "catalogue", Base: "/catalogue", routes: []route{
		{"GET", "/items", "listItems", listItems},
		{"GET", "/items/{sku}", "getItem", getItem},
		{"POST", "/items", "createItem", createItem},
		{"POST", "/items/{sku}/reviews", "reviewItem", reviewItem},
		{"DELETE", "/items/{sku}", "", removeItem},
	}}
}

func (c *call) publicItem(it *item) any {
	if c.Flaws.BOPLA {
		return *it
	}
	return map[string]any{"sku": it.SKU, "name": it.Name, "price_cents": it.PriceCents, "stock": it.Stock}
}

func listItems(c *call) {
	q := c.query.Get("q")
	c.merges()
	c.interprets("nosql.injected", operator, q)
	if c.interprets("sql.injected", sqlInjected, q) {
		c.json(http.StatusOK, []any{})
		return
	}
	if strings.Contains(q, "'") && c.Flaws.Misconfiguration {
		c.effect("verbose.error")
		c.fail(http.StatusBadRequest, fmt.Sprintf("pq: syntax error at or near %q in SELECT * FROM items WHERE name LIKE '%%%s%%'", q, q))
		return
	}
	limit := 10
	if v := c.last("limit"); v != "" {
		var err error
		if limit, err = strconv.Atoi(v); err != nil {
			c.fail(http.StatusBadRequest, "limit is not a number")
			return
		}
	}
	if !c.Flaws.ResourceConsumption {
		limit = min(max(limit, 1), 100)
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	list := make([]any, 0, limit) // a negative limit panics here, as it did in production
	for n := 0; n < limit && n < maxObjects; n++ {
		if n >= len(c.store.skus) && !c.Flaws.ResourceConsumption {
			break
		}
		// The unbounded shop repeats itself: what matters is the size of the page.
		it := c.store.items[c.store.skus[n%len(c.store.skus)]]
		if q == "" || strings.Contains(it.Name, q) {
			list = append(list, c.publicItem(it))
		}
	}
	if len(list) > 1000 {
		c.effect("page.huge")
	}
	c.json(http.StatusOK, list)
}

// last returns the value of a query parameter: the last of all that are called so,
// "name[]" being the same as name, as some frameworks have it. The careful shop
// takes no parameter twice.
func (c *call) last(name string) string {
	all := c.query[name]
	if !c.Flaws.ResourceConsumption {
		return c.query.Get(name)
	}
	if more := c.query[name+"[]"]; len(more) > 0 {
		all = more
	}
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// removeItem is what the catalogue's own tools call; no document has it.
func removeItem(c *call) {
	c.effect("undocumented.method")
	c.w.WriteHeader(http.StatusNoContent)
}

func getItem(c *call) {
	c.logs()
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	it := c.store.items[c.param["sku"]]
	if it == nil {
		c.fail(http.StatusNotFound, "no such item")
		return
	}
	// "Our own network may see what we paid": an address anybody can write.
	if c.Flaws.Misconfiguration && strings.HasPrefix(c.r.Header.Get("X-Forwarded-For"), "10.") {
		c.effect("internal.price")
	}
	c.json(http.StatusOK, c.publicItem(it))
}

func createItem(c *call) {
	if !c.mustBeAdmin() {
		return
	}
	var body struct {
		SKU        string `json:"sku"`
		Name       string `json:"name"`
		PriceCents int64  `json:"price_cents"`
	}
	if !c.decode(&body) {
		return
	}
	if body.SKU == "" || body.PriceCents <= 0 {
		c.fail(http.StatusUnprocessableEntity, "an item needs a sku and a price")
		return
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	it := c.store.items[body.SKU]
	if it == nil && len(c.store.items) < maxObjects {
		it = &item{SKU: body.SKU}
		c.store.items[body.SKU] = it
	}
	if it == nil {
		c.fail(http.StatusInsufficientStorage, "the shop is full")
		return
	}
	it.Name, it.PriceCents = body.Name, body.PriceCents
	c.effect("item.created")
	c.json(http.StatusCreated, c.publicItem(it))
}

// fairPhotos is how many photos a review may have.
const fairPhotos = 5

func reviewItem(c *call) {
	if !c.mustBeKnown() {
		return
	}
	var body struct {
		Stars  int      `json:"stars"`
		Text   string   `json:"text"`
		Photos []string `json:"photos,omitempty"`
	}
	if !c.decode(&body) {
		return
	}
	if body.Stars < 1 || body.Stars > 5 {
		c.fail(http.StatusUnprocessableEntity, "one to five stars")
		return
	}
	c.interprets("sql.injected", sqlInjected, body.Text)
	c.interprets("script.stored", scriptInjected, body.Text)
	for _, photo := range body.Photos {
		c.interprets("file.read", fileInjected, photo)
	}
	if len(body.Photos) > fairPhotos {
		if !c.Flaws.ResourceConsumption {
			c.fail(http.StatusUnprocessableEntity, "five photos")
			return
		}
		c.effect("photos.many")
	}
	c.json(http.StatusCreated, body)
}
