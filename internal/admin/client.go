package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
)

// Client speaks to a running gateway over its socket.
type Client struct {
	http *http.Client
	path string
}

// Dial returns a Client for the socket at path. It connects when it is used.
func Dial(path string) *Client {
	return &Client{path: path, http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}}}
}

// Reload makes the gateway read its configuration again.
func (c *Client) Reload(ctx context.Context) error { return c.post(ctx, "/reload", nil) }

// Drain makes the gateway stop gracefully.
func (c *Client) Drain(ctx context.Context) error { return c.post(ctx, "/drain", nil) }

// Revoke makes the gateway refuse what r names, at once.
func (c *Client) Revoke(ctx context.Context, r authn.Revocation) error {
	return c.post(ctx, "/revoke", r)
}

// Status returns the gateway's status as JSON.
func (c *Client) Status(ctx context.Context) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "/status", nil)
}

func (c *Client) post(ctx context.Context, path string, body any) error {
	_, err := c.do(ctx, http.MethodPost, path, body)
	return err
}

func (c *Client) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	var in bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&in).Encode(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://gatehouse"+path, &in)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, &gatehouse.Error{Code: "admin.unreachable", Message: "no gateway answers at " + c.path, Err: err,
			Hint: "is it running, and is this its admin.socket?"}
	}
	defer res.Body.Close()
	out, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		var a answer
		if json.Unmarshal(out, &a) != nil || a.Error == "" {
			a.Error = res.Status
		}
		return nil, errors.New(a.Error)
	}
	return out, nil
}
