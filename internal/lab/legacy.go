package lab

import "net/http"

// legacy is version 0 of the shop, on an HTTP server somebody wrote in 2009 (see
// laxhttp.go). One old app still needs three of its operations, of which one is gone; nobody remembers
// the others.
func (s *Shop) legacy() *Service {
	return &Service{Name: "legacy", Base: "/v0", lax: true, routes: []route{
		{"GET", "/status", "legacyStatus", legacyStatus},
		{"POST", "/feedback", "legacyFeedback", legacyFeedback},
		{"GET", "/coupons", "legacyCoupons", legacyCoupons},
		{"GET", "/users", "", legacyUsers},
		{"GET", "/users/{user_id}", "", legacyUser},
		{"GET", "/debug/env", "", debugVars},
	}}
}

func legacyStatus(c *call) {
	if c.who.Subject == spoofed {
		c.effect("spoofed.identity")
	}
	c.json(http.StatusOK, map[string]string{"status": "ok", "version": "0.3"})
}

// spoofed is the name by which forged identity headers can be told.
const spoofed = "spoofed-admin"

func legacyFeedback(c *call) {
	var body struct{ Text string }
	if !c.decode(&body) {
		return
	}
	c.interprets("command.run", commandInjected, body.Text)
	c.json(http.StatusAccepted, map[string]int{"length": len(body.Text)})
}

// legacyCoupons should be gone since July 2025.
func legacyCoupons(c *call) {
	if !c.Flaws.Inventory {
		c.fail(http.StatusGone, "gone")
		return
	}
	c.effect("sunset.operation")
	c.json(http.StatusOK, []string{"EVERYTHING-FREE-2019"})
}

func legacyUsers(c *call) {
	c.effect("zombie.version")
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	list := []any{}
	for _, id := range sortedKeys(c.store.users) {
		list = append(list, *c.store.users[id])
	}
	c.json(http.StatusOK, list)
}

func legacyUser(c *call) {
	c.effect("zombie.version")
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	if u := c.lookupUser(); u != nil {
		c.json(http.StatusOK, *u)
	}
}
