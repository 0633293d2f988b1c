package server

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// Every combination of the modes of authn and policy: what is enforced holds, what
// is monitored or off opens nothing else, and no mode makes a caller of a token
// that failed.
func TestModesOpenNothingElse(t *testing.T) {
	t.Parallel()
	modes := []string{"enforce", "monitor", "off"}
	for _, authn := range modes {
		for _, policy := range modes {
			up := service(t, func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "as "+r.Header.Get("X-Gatehouse-Subject")+" with "+r.Header.Get("Authorization"))
			})
			h := newDoors(t, doorOptions{upstream: up.URL, authn: "  identity: {issuer: https://gate.example, key: identity.key}",
				api:    fmt.Sprintf("    undocumented: report\n    credentials: replace\n    modes: {authn: %s, policy: %s}", authn, policy),
				policy: `permit(principal is User, action == Action::"shop.getOrder", resource) when { principal.subject == "alice" };`})
			good, other := h.expiring("good", time.Minute), h.token("mallory", "other")
			expired, forged := h.expiring("expired", -time.Hour), good[:len(good)-4]+"AAAA"
			for _, c := range []struct {
				path, token string
				who         string // as authn finds
				valid       bool   // authn has no objection
				permitted   bool   // by policy, where authn found who
				denied      int    // by policy
			}{
				{"/orders/1", good, "alice", true, true, 403},
				{"/orders/1", other, "mallory", true, false, 403},
				{"/orders/1", "", "", true, false, 401},
				{"/orders/1", expired, "", false, false, 401},
				{"/orders/1", forged, "", false, false, 401},
				{"/nowhere", good, "alice", true, false, 403},
				{"/nowhere", "", "", true, false, 401},
				{"/nowhere", forged, "", false, false, 401},
				{"/public", forged, "", false, true, 0},
				{"/public", "", "", true, true, 0},
			} {
				who, want := c.who, 200
				if authn == "off" {
					who = ""
				}
				switch {
				case authn == "enforce" && !c.valid:
					want = 401
				case policy == "enforce" && c.path == "/public":
				case policy == "enforce" && !(c.permitted && who != ""):
					want = c.denied
					if who == "" {
						want = 401 // a stranger is asked who it is
					}
				}
				res, body := h.get(c.path, c.token)
				if res.StatusCode != want || want == 200 && body != "as "+who+" with " {
					t.Errorf("authn %s, policy %s: %s by %q (%v): %d %s, want %d", authn, policy, c.path, c.who, c.valid, res.StatusCode, body, want)
				}
			}
			h.Stop()
		}
	}
}
