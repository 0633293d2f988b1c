package lab

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const megabyte = 1 << 20

// resourceAttacks are API4: more than anybody's share.
func resourceAttacks() []Attack {
	list := append(floodAttacks(), sizeAttacks()...)
	return append(list, timeAttacks()...)
}

// flood sends n requests, some at once.
func (a *attempt) flood(n int, send func(i int)) {
	var wg sync.WaitGroup
	const at = 8
	for w := range at {
		wg.Go(func() {
			for i := w; i < n && a.ctx.Err() == nil; i += at {
				send(i)
			}
		})
	}
	wg.Wait()
}

// Flooders send more than the shop's configuration grants anybody in a minute.
const (
	grantEndpoint = 100 // calls of one operation by one client from one address
	grantUser     = 240 // calls of one user
	grantAddress  = 300 // calls from one address
)

func floodAttacks() []Attack {
	over := func(a *attempt, grant int) bool { return a.shop.Received(a.run) > grant+grant/5 }
	own := func(a *attempt) []string {
		return []string{"/accounts/users/" + a.me.ID, "/accounts/users/" + a.me.ID + "/orders", "/sales/orders/" + a.me.OrderID,
			"/billing/payments/" + a.me.PaymentID, "/media/files/" + a.me.FileID}
	}
	return []Attack{
		{Name: "flood-endpoint", Title: "one user, one operation, as fast as it goes", Class: API4, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			a.flood(220, func(int) { a.ask("GET", "/accounts/users/"+a.me.ID, bearer(a.token)) })
			return over(a, grantEndpoint), nil
		}},
		{Name: "flood-user", Title: "one user, many operations, many addresses", Class: API4, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			var cs []*client
			for i := range 8 {
				cs = append(cs, a.another(nil, i))
			}
			paths := own(a)
			a.flood(480, func(i int) { a.askAs(cs[i%len(cs)], "GET", paths[i/8%len(paths)], bearer(a.token)) })
			return over(a, grantUser), nil
		}},
		{Name: "flood-address", Title: "one address, many operations, many users", Class: API4, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			paths := own(a)
			a.flood(600, func(i int) {
				if i%2 == 0 {
					a.ask("GET", "/catalogue/items/tea")
					return
				}
				a.ask("GET", paths[i/2%len(paths)], bearer(a.token))
			})
			return over(a, grantAddress), nil
		}},
		{Name: "flood-spoofed", Title: "a flood with another X-Forwarded-For each time", Class: API4, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			a.flood(220, func(i int) {
				a.ask("GET", "/catalogue/items", with("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i%250)))
			})
			return over(a, grantEndpoint), nil
		}},
		{Name: "flood-spellings", Title: "a flood with a new spelling of the path each time", Class: API4, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			spelled := []string{"tea", "t%65a", "te%61", "%74ea", "%74%65a", "t%65%61", "%74e%61", "%74%65%61"}
			a.flood(220, func(i int) { a.ask("GET", "/catalogue/items/"+spelled[i%len(spelled)], query(fmt.Sprintf("i=%d", i))) })
			return over(a, grantEndpoint), nil
		}},
	}
}

func sizeAttacks() []Attack {
	patch := func(a *attempt, length int64) {
		const size = 3 * megabyte
		b := io.MultiReader(strings.NewReader(`{"name":"`), io.LimitReader(endless{}, size), strings.NewReader(`"}`))
		if length == 0 {
			length = size + 11
		}
		a.ask("PATCH", "/accounts/users/"+a.me.ID, bearer(a.token), with("Content-Type", "application/json"), body(b, length))
	}
	var list []Attack
	add := func(name, title, room string, run func(a *attempt) (bool, error)) {
		list = append(list, Attack{Name: name, Title: title, Class: API4, Room: room, run: run})
	}
	huge := func(a *attempt) bool { return a.shop.Effect(a.run, "body.whole") > 2*megabyte }
	add("huge-body", "a body of 3 MB, announced", "gateway", func(a *attempt) (bool, error) { patch(a, 0); return huge(a), nil })
	add("huge-body-chunked", "a body of 3 MB in chunks", "gateway", func(a *attempt) (bool, error) { patch(a, -1); return huge(a), nil })
	add("huge-upload", "an upload beyond what the operation takes", "gateway", func(a *attempt) (bool, error) {
		a.ask("POST", "/media/files", bearer(a.token), with("Content-Type", "image/png"), body(io.LimitReader(endless{}, 12*megabyte), -1))
		return a.shop.Effect(a.run, "body.whole") > 9*megabyte, nil
	})
	raw := func(name, title, service string, message func(a *attempt, svc *Service) string) {
		add(name, title, "gateway", func(a *attempt) (bool, error) {
			svc := a.shop.Service(service)
			_, err := a.raw(svc, message(a, svc), 1)
			return a.received(), err
		})
	}
	raw("huge-header", "a header field of 200 kB", "catalogue", func(a *attempt, svc *Service) string {
		return a.head(svc, "GET /catalogue/items HTTP/1.1", "X-Note: "+strings.Repeat("x", 200_000))
	})
	raw("many-headers", "2,000 header fields", "catalogue", func(a *attempt, svc *Service) string {
		fields := make([]string, 2000)
		for i := range fields {
			fields[i] = fmt.Sprintf("X-Note-%d: x", i)
		}
		return a.head(svc, "GET /catalogue/items HTTP/1.1", fields...)
	})
	raw("long-target", "a query of 40 kB", "catalogue", func(a *attempt, svc *Service) string {
		return a.head(svc, "GET /catalogue/items?q="+strings.Repeat("x", 40_000)+" HTTP/1.1")
	})
	add("huge-page", "a page of 20,000 items", "openapi", func(a *attempt) (bool, error) {
		a.ask("GET", "/catalogue/items", query("limit=20000"))
		return a.did("page.huge"), nil
	})
	return append(list, bodyAttacks()...)
}

// endless is a reader of letters.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	copy(p, bytes.Repeat([]byte{'a'}, len(p)))
	return len(p), nil
}

func timeAttacks() []Attack {
	return []Attack{
		{Name: "slow-header", Title: "headers that never end (slowloris)", Class: API4, Room: "gateway", slow: true, run: func(a *attempt) (bool, error) {
			svc := a.shop.Service("catalogue")
			return a.drip(svc, 4, lines("GET /catalogue/items HTTP/1.1", "Host: "+a.host(svc)), "X-Drip: x\r\n")
		}},
		{Name: "slow-body", Title: "a body that never ends", Class: API4, Room: "gateway", slow: true, run: func(a *attempt) (bool, error) {
			svc := a.shop.Service("users")
			return a.drip(svc, 2, a.head(svc, "PATCH /accounts/users/"+a.me.ID+" HTTP/1.1", a.auth(), "Content-Length: 100000"), " ")
		}},
		{Name: "connection-flood", Title: "200 connections from one address, all kept", Class: API4, Room: "gateway", slow: true, run: func(a *attempt) (bool, error) {
			return a.manyConnections(200, 100)
		}},
	}
}

// drip opens connections, sends a beginning and then a little at a time. It
// reports whether any was still open when patience ended.
func (a *attempt) drip(svc *Service, conns int, beginning, drop string) (bool, error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open int
	var failed error
	for range conns {
		wg.Go(func() {
			conn, err := a.target.dial(a.ctx, a.from, svc, nil, "http/1.1")
			mu.Lock()
			if err != nil {
				failed = err
			}
			mu.Unlock()
			if err != nil {
				return
			}
			defer conn.Close()
			a.sent.Add(1)
			a.answered.Add(1)
			if !a.dripOn(conn, beginning, drop) {
				return
			}
			mu.Lock()
			open++
			mu.Unlock()
		})
	}
	wg.Wait()
	return open > 0, failed
}

// dripOn reports whether the connection was open to the end.
func (a *attempt) dripOn(conn net.Conn, beginning, drop string) bool {
	if _, err := io.WriteString(conn, beginning); err != nil {
		return false
	}
	end := time.Now().Add(a.patience)
	buf := make([]byte, 1024)
	for time.Now().Before(end) && a.ctx.Err() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := conn.Read(buf); err == nil {
			return false // answered, or said goodbye
		} else if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
			return false
		}
		if _, err := io.WriteString(conn, drop); err != nil {
			return false
		}
	}
	return true
}

// manyConnections opens n connections and keeps them. It reports whether more
// than grant were served.
func (a *attempt) manyConnections(n, grant int) (bool, error) {
	svc := a.shop.Service("catalogue")
	message := lines("HEAD /catalogue/items/tea HTTP/1.1", "Host: "+a.host(svc), "")
	var mu sync.Mutex
	served, failed := 0, error(nil)
	var kept []net.Conn
	a.flood(n, func(int) {
		conn, err := a.target.dial(a.ctx, a.from, svc, nil, "http/1.1")
		if err != nil {
			a.answered.Add(1) // refused at the door
			return
		}
		replies, err := a.rawHead(conn, message)
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, conn)
		if err != nil {
			failed = err
		}
		served += replies
	})
	for _, c := range kept {
		c.Close()
	}
	return served > grant, failed
}

// rawHead sends a HEAD and counts its answer, whatever the status.
func (a *attempt) rawHead(conn net.Conn, message string) (int, error) {
	a.sent.Add(1)
	a.answered.Add(1)
	_ = conn.SetDeadline(time.Now().Add(rawPatience))
	if _, err := io.WriteString(conn, message); err != nil {
		return 0, nil
	}
	buf := make([]byte, 16)
	if n, _ := io.ReadFull(conn, buf); n == len(buf) && bytes.HasPrefix(buf, []byte("HTTP/1.1 ")) {
		return 1, nil
	}
	return 0, nil
}

// flowAttacks are API6: what a person may do once, done by a machine.
func flowAttacks() []Attack {
	buy := func(a *attempt, c *client, token string) {
		a.askAs(c, "POST", "/sales/orders", bearer(token), jsonBody(map[string]any{"sku": "ice", "quantity": 1}))
	}
	return []Attack{
		{Name: "bulk-buying", Title: "80 orders by one user in a second", Class: API6, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			a.flood(80, func(int) { buy(a, a.client, a.token) })
			return a.shop.Effect(a.run, "order.created") > fairShare+6, nil
		}},
		{Name: "bulk-buying-distributed", Title: "80 orders by 20 accounts from 20 addresses", Class: API6, Room: "behavior", run: func(a *attempt) (bool, error) {
			for i := range 20 {
				c, token := a.another(nil, i), a.tokenFor(fmt.Sprintf("bot-%s-%d", a.run, i))
				for range 4 {
					buy(a, c, token)
				}
			}
			return a.shop.Effect(a.run, "order.created") > fairShare+6, nil
		}},
		{Name: "bulk-export", Title: "30 exports of one's data", Class: API6, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			a.flood(30, func(int) { a.ask(http.MethodGet, "/export/users/"+a.me.ID+"/data", bearer(a.token)) })
			return a.shop.Effect(a.run, "exported") > 8, nil
		}},
		{Name: "review-spam", Title: "90 reviews by one user", Class: API6, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			a.flood(90, func(int) {
				a.ask("POST", "/catalogue/items/tea/reviews", bearer(a.token), jsonBody(map[string]any{"stars": 1, "text": "bad"}))
			})
			return a.shop.Received(a.run) > fairShare+6, nil
		}},
	}
}
