package lab

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/websocket"
)

// notifications tells customers what is new: events, a chat, webhooks.
func (s *Shop) notifications() *Service {
	return &Service{Name: "notifications", Base: "/notifications", routes: []route{
		{"GET", "/events", "events", events},
		{"GET", "/chat", "chat", chat},
		{"POST", "/webhooks", "addWebhook", addWebhook},
	}}
}

// events streams server-sent events until the client goes, ten by default.
func events(c *call) {
	if !c.mustBeKnown() {
		return
	}
	n, err := strconv.Atoi(c.query.Get("count"))
	if err != nil || n < 1 || n > 1000 {
		n = 10
	}
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("Cache-Control", "no-store")
	ctl := http.NewResponseController(c.w)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(c.w, "id: %d\nevent: stock\ndata: {\"for\":%q,\"n\":%d}\n\n", i, c.who.Subject, i)
		if ctl.Flush() != nil {
			return
		}
		select {
		case <-c.r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// chat echoes what it is told over a WebSocket.
func chat(c *call) {
	if !c.mustBeKnown() {
		return
	}
	origin := c.r.Header.Get("Origin")
	if !c.Flaws.Misconfiguration && origin != "" && origin != AppOrigin {
		c.fail(http.StatusForbidden, "not from that page")
		return
	}
	server := websocket.Server{Handler: func(ws *websocket.Conn) {
		c.effect("chat.opened")
		for {
			var text string
			if websocket.Message.Receive(ws, &text) != nil || len(text) > 4096 {
				return
			}
			if websocket.Message.Send(ws, c.who.Subject+": "+text) != nil {
				return
			}
		}
	}}
	server.ServeHTTP(c.w, c.r)
}

// addWebhook calls the address once, to see whether it works.
func addWebhook(c *call) {
	if !c.mustBeKnown() {
		return
	}
	var body struct {
		Callback string `json:"callback"`
	}
	if !c.decode(&body) {
		return
	}
	c.fetch(body.Callback)
}
