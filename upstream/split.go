package upstream

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/gatehouse/gatehouse"
)

// A Branch is one way of a Split.
type Branch struct {
	To gatehouse.Forwarder
	// Weight is its share relative to the others; 0 sends nothing there.
	Weight int
}

// A Split forwards each request by one of several ways, at random by weight:
// nine in ten to orders, one in ten to orders-v2. It does not own them.
type Split struct {
	branches []Branch
	total    int
}

var _ gatehouse.Forwarder = (*Split)(nil)

// NewSplit returns an error where there is nothing to choose from.
func NewSplit(branches ...Branch) (*Split, error) {
	s := &Split{}
	for _, b := range branches {
		if b.To == nil || b.Weight < 0 || b.Weight > maxWeight*maxWeight {
			return nil, errors.New("a weighted upstream needs a name and a weight that is not negative")
		}
		if b.Weight > 0 {
			s.branches = append(s.branches, b)
			s.total += b.Weight
		}
	}
	if s.total == 0 {
		return nil, errors.New("no weighted upstream has a weight above 0")
	}
	return s, nil
}

// Forward implements gatehouse.Forwarder.
func (s *Split) Forward(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	return s.choose(rand.IntN(s.total)).Forward(ctx, x, w)
}

func (s *Split) choose(n int) gatehouse.Forwarder {
	for _, b := range s.branches {
		if n -= b.Weight; n < 0 {
			return b.To
		}
	}
	return s.branches[len(s.branches)-1].To
}
