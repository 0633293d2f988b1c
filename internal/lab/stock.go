package lab

import (
	"io"
	"net/http"
)

// stock counts what is in the warehouse, over gRPC: HTTP/2, length-prefixed
// messages both ways, the status in the trailers.
func (s *Shop) stock() *Service {
	return &Service{Name: "stock", Base: "/shop.Stock", h2: true, routes: []route{
		{"POST", "/Count", "countStock", countStock},
	}}
}

func countStock(c *call) {
	h := c.w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Trailer", "Grpc-Status, Grpc-Message")
	defer func() { h.Set("Grpc-Message", "") }()
	if c.who.Subject == "" && !c.Flaws.BrokenAuth {
		h.Set("Grpc-Status", "16") // UNAUTHENTICATED
		return
	}
	c.w.WriteHeader(http.StatusOK)
	ctl := http.NewResponseController(c.w)
	_ = ctl.EnableFullDuplex() // HTTP/1 needs to be asked; HTTP/2 always is
	for {
		var prefix [5]byte // compressed flag, length
		if _, err := io.ReadFull(c.r.Body, prefix[:]); err == io.EOF {
			h.Set("Grpc-Status", "0")
			return
		} else if err != nil {
			h.Set("Grpc-Status", "13") // INTERNAL
			return
		}
		n := int(prefix[1])<<24 | int(prefix[2])<<16 | int(prefix[3])<<8 | int(prefix[4])
		if n > 1<<16 {
			h.Set("Grpc-Status", "8") // RESOURCE_EXHAUSTED
			return
		}
		message := make([]byte, 5+n)
		copy(message, prefix[:])
		if _, err := io.ReadFull(c.r.Body, message[5:]); err != nil {
			h.Set("Grpc-Status", "13")
			return
		}
		if _, err := c.w.Write(message); err != nil || ctl.Flush() != nil {
			return
		}
	}
}
