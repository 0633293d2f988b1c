package lab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/websocket"
)

// field reads a string member of a JSON answer.
func field(r *reply, name string) (string, error) {
	var m map[string]any
	if err := json.Unmarshal(r.Body, &m); err != nil {
		return "", fmt.Errorf("%w: no JSON: %v", errWrong, r)
	}
	s, ok := m[name].(string)
	if !ok {
		return "", fmt.Errorf("%w: no %s in %v", errWrong, name, r)
	}
	return s, nil
}

// visitorSteps need no account.
func visitorSteps() []step {
	get := func(path string, opts ...option) func(*persona, context.Context) error {
		return func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 200, "GET", path, opts...)
			return err
		}
	}
	return []step{
		{"browse", 6, 0, get("/catalogue/items")},
		{"item", 6, 0, get("/catalogue/items/tea")},
		{"item-utf8", 1, 0, get("/catalogue/items/caf%C3%A9")},
		{"item-spelled", 1, 0, get("/catalogue/items/t%65a")},
		{"search", 2, 0, get("/catalogue/items", query("q=e&limit=5&x=&y=a+b%20c%26d%2Fe"))},
		{"search-odd", 1, 0, get("/catalogue/items", query("q=50%25%20off%3F&filter[price]=1..9"))},
		{"choose", 1, 0, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 200, "GET", "/catalogue/items/tea", query("fields=name,price_cents"))
			return holds(r, err, `"price_cents"`)
		}},
		{"head", 1, 0, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 200, "HEAD", "/catalogue/items")
			return err
		}},
		{"missing", 1, 0, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 404, "GET", "/catalogue/items/unicorn")
			return holds(r, err, "no such item")
		}},
		{"status-v0", 1, 0, get("/v0/status")},
		{"feedback-v0", 1, 4 * time.Second, func(p *persona, ctx context.Context) error {
			text := strings.Repeat("fine! ", 2000)
			b := bytes.NewReader([]byte(`{"text":"` + text + `"}`))
			r, err := p.call(ctx, 202, "POST", "/v0/feedback", with("Content-Type", "application/json"), body(b, -1))
			return holds(r, err, fmt.Sprint(len(text)))
		}},
		{"reset", 1, 30 * time.Second, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 202, "POST", "/auth/password-reset", jsonBody(map[string]string{"username": p.id}))
			return err
		}},
		{"wrong-password", 1, 30 * time.Second, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 401, "POST", "/auth/login", jsonBody(map[string]string{"username": p.id, "password": "forgot"}))
			return holds(r, err, "wrong user name")
		}},
	}
}

// profileSteps are what one does with an account.
func profileSteps() []step {
	own := func(p *persona) string { return "/accounts/users/" + p.id }
	return []step{
		{"profile", 6, 0, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 200, "GET", own(p))
			return holds(r, err, `"id":"`+p.id+`"`)
		}},
		{"update", 1, 0, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 200, "PATCH", own(p), jsonBody(map[string]string{"name": "Seán O'Brien; DROP & <b>", "phone": "+1 555"}))
			return holds(r, err, "Brien; DROP")
		}},
		{"address", 1, 0, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 200, "PUT", own(p)+"/address", jsonBody(map[string]string{"address": "22 Acacia Avenue"}))
			return err
		}},
		{"orders", 2, 0, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 200, "GET", own(p)+"/orders")
			return err
		}},
		{"my-data", 1, 30 * time.Second, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 200, "GET", "/export/users/"+p.id+"/data")
			return holds(r, err, `"exported":true`)
		}},
	}
}

// customerSteps are what one does in a shop.
func customerSteps() []step {
	return append(profileSteps(), []step{
		{"browse", 4, 0, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 200, "GET", "/catalogue/items/tea")
			return err
		}},
		{"order", 3, 2500 * time.Millisecond, func(p *persona, ctx context.Context) error { return p.order(ctx) }},
		{"look", 3, 0, func(p *persona, ctx context.Context) error {
			if len(p.orders) == 0 {
				return p.order(ctx)
			}
			id := p.orders[p.rng.IntN(len(p.orders))]
			r, err := p.call(ctx, 200, "GET", "/sales/orders/"+id)
			return holds(r, err, id)
		}},
		{"pay", 2, 3 * time.Second, func(p *persona, ctx context.Context) error {
			if len(p.orders) == 0 {
				return p.order(ctx)
			}
			r, err := p.call(ctx, 201, "POST", "/billing/payments", jsonBody(map[string]string{"order_id": p.orders[len(p.orders)-1], "iban": "DE89370400440532013000"}))
			return holds(r, err, "authorized")
		}},
		{"review", 1, 5 * time.Second, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 201, "POST", "/catalogue/items/tea/reviews", jsonBody(map[string]any{"stars": 5, "text": "It's <great> & 100% \"tea\"; SELECT * FROM cups"}))
			return err
		}},
		{"upload", 1, 2 * time.Second, (*persona).upload},
		{"upload-slow", 1, 10 * time.Second, (*persona).uploadSlowly},
		{"events", 1, 2 * time.Second, (*persona).events},
		{"chat", 1, 2 * time.Second, (*persona).chat},
	}...)
}

func (p *persona) order(ctx context.Context) error {
	r, err := p.call(ctx, 201, "POST", "/sales/orders", jsonBody(map[string]any{"sku": "tea", "quantity": 1 + p.rng.IntN(3), "currency": "EUR"}))
	if err != nil {
		return err
	}
	id, err := field(r, "id")
	if p.orders = append(p.orders, id); len(p.orders) > 20 {
		p.orders = p.orders[1:]
	}
	return err
}

// upload sends a file, streamed, and fetches it again.
func (p *persona) upload(ctx context.Context) error {
	text := []byte(fmt.Sprintf("file of %s %d ", p.id, p.rng.Uint64()))
	rest := io.LimitReader(endless{}, 200_000)
	r, err := p.call(ctx, 201, "POST", "/media/files", with("Content-Type", "image/png"), with("X-File-Name", "cup.png"),
		body(io.MultiReader(bytes.NewReader(text), rest), -1))
	if err != nil {
		return err
	}
	id, err := field(r, "id")
	if err != nil {
		return err
	}
	r, err = p.call(ctx, 200, "GET", "/media/files/"+id)
	return holds(r, err, string(text))
}

// uploadSlowly is somebody on a train.
func (p *persona) uploadSlowly(ctx context.Context) error {
	pr, pw := io.Pipe()
	go func() {
		for range 5 {
			if _, err := pw.Write(bytes.Repeat([]byte("choo"), 2048)); err != nil {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
		pw.Close()
	}()
	defer pr.Close()
	r, err := p.call(ctx, 201, "POST", "/media/files", with("Content-Type", "application/octet-stream"), body(pr, -1))
	return holds(r, err, `"size":40960`)
}

// events reads three server-sent events and leaves.
func (p *persona) events(ctx context.Context) error {
	r, err := p.request(ctx, "GET", "/notifications/events", append(p.kind.sign(p, "GET", "/notifications/events"), query("count=100"))...)
	if err != nil {
		return err
	}
	p.sent.Add(1)
	resp, err := p.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: events: %s", errWrong, resp.Status)
	}
	scan := bufio.NewScanner(resp.Body)
	for n := 0; n < 3 && scan.Scan(); {
		if strings.HasPrefix(scan.Text(), "data: ") {
			n++
		}
	}
	return scan.Err()
}

// chat says something over a WebSocket and hears the echo.
func (p *persona) chat(ctx context.Context) error {
	const path = "/notifications/chat"
	svc := p.shop.Service("notifications")
	r, err := p.request(ctx, "GET", path, p.kind.sign(p, "GET", path)...)
	if err != nil {
		return err
	}
	conn, err := p.target.dial(ctx, p.from, svc, p.cert, "http/1.1")
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(dialPatience))
	location := "ws://" + strings.TrimPrefix(strings.TrimPrefix(p.target.origin(svc), "https://"), "http://") + path
	cfg, err := websocket.NewConfig(location, AppOrigin)
	if err != nil {
		return err
	}
	r.Header.Del("Origin") // the library sends its own
	cfg.Header = r.Header
	p.sent.Add(1)
	ws, err := websocket.NewClient(cfg, conn)
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	for i := range 3 {
		text := fmt.Sprintf("hello %d", i)
		if err := websocket.Message.Send(ws, text); err != nil {
			return err
		}
		var echo string
		if err := websocket.Message.Receive(ws, &echo); err != nil {
			return err
		}
		if echo != p.id+": "+text {
			return fmt.Errorf("%w: chat: %q", errWrong, echo)
		}
	}
	return ws.Close()
}

// browserSteps are what the shop's page does besides.
func browserSteps() []step {
	return []step{{"preflight", 2, 0, func(p *persona, ctx context.Context) error {
		r, err := p.client.do(ctx, http.MethodOptions, "/accounts/users/"+p.id, with("Origin", AppOrigin),
			with("Access-Control-Request-Method", "PATCH"), with("Access-Control-Request-Headers", "content-type"))
		if err != nil {
			return err
		}
		if r.Header.Get("Access-Control-Allow-Origin") != AppOrigin || r.Status/100 != 2 {
			return fmt.Errorf("%w: the preflight was refused: %v %v", errWrong, r.Status, r.Header)
		}
		return nil
	}}}
}

func adminSteps() []step {
	return []step{
		{"users", 3, 0, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 200, "GET", "/accounts/users")
			return holds(r, err, `"alice"`)
		}},
		{"price", 1, 2500 * time.Millisecond, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 201, "POST", "/catalogue/items", jsonBody(map[string]any{"sku": "new-" + p.id, "name": "New", "price_cents": 100 + p.rng.IntN(100)}))
			return err
		}},
		{"refund", 1, 2500 * time.Millisecond, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 200, "POST", "/sales/orders/o-1001/refund")
			return err
		}},
		{"customer", 2, 0, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 200, "GET", "/accounts/users/alice")
			return holds(r, err, `"alice"`)
		}},
	}
}

func reporterSteps() []step {
	return []step{
		{"export", 1, 35 * time.Second, func(p *persona, ctx context.Context) error {
			r, err := p.call(ctx, 200, "GET", "/export/orders")
			return holds(r, err, "id,owner,sku")
		}},
		{"users", 1, 0, func(p *persona, ctx context.Context) error {
			_, err := p.call(ctx, 200, "GET", "/accounts/users")
			return err
		}},
	}
}

func partnerSteps() []step {
	return []step{{"feed", 1, 0, func(p *persona, ctx context.Context) error {
		r, err := p.call(ctx, 200, "GET", "/partner/feed")
		return holds(r, err, "secret_rebate")
	}}}
}

func settlementSteps() []step {
	return []step{{"settle", 1, 0, func(p *persona, ctx context.Context) error {
		r, err := p.call(ctx, 200, "POST", "/billing/payments/p-1002/settle")
		return holds(r, err, "settled")
	}}}
}

// stockSteps speak gRPC: messages both ways, the status in the trailers.
func stockSteps() []step {
	return []step{{"count", 1, 0, func(p *persona, ctx context.Context) error {
		const path = "/shop.Stock/Count"
		message := append([]byte{0, 0, 0, 0, 5}, "boxes"...)
		r, err := p.request(ctx, "POST", path, append(p.kind.sign(p, "POST", path), with("Content-Type", "application/grpc"), with("Te", "trailers"),
			body(bytes.NewReader(bytes.Repeat(message, 3)), -1))...)
		if err != nil {
			return err
		}
		p.sent.Add(1)
		resp, err := p.http.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		echo, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
		if err != nil {
			return err
		}
		if status := resp.Trailer.Get("Grpc-Status"); status != "0" || !bytes.Equal(echo, bytes.Repeat(message, 3)) {
			return fmt.Errorf("%w: gRPC: %s, grpc-status %q, %d bytes", errWrong, resp.Status, status, len(echo))
		}
		return nil
	}}}
}
