package main

import "context"

// Sides are the plain gateway and a peer, in front of the same origin.
type sides struct {
	origin, peer *process
	site         *site
	listen       string // the peer's
}

func newSides(ctx context.Context, b *bench, to peer, tls bool) (_ *sides, err error) {
	s := &sides{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	address, certs := "", ""
	if s.origin, address, err = startOrigin(ctx, b); err != nil {
		return nil, err
	}
	if tls {
		if certs, err = selfSigned(b); err != nil {
			return nil, err
		}
	}
	if s.site, err = newPlainSite(b, address, certs); err != nil {
		return nil, err
	}
	if err = s.site.launch(ctx, b); err != nil {
		return nil, err
	}
	s.peer, s.listen, err = to(ctx, b, address, certs)
	return s, err
}

func (s *sides) ours(l load) contender {
	return contender{"gatehouse", s.site.process, s.site.address, l}
}

func (s *sides) theirs(name string, l load) contender { return contender{name, s.peer, s.listen, l} }

func (s *sides) stop() {
	if s.peer != nil {
		s.peer.stop()
	}
	if s.site != nil {
		s.site.stop()
	}
	if s.origin != nil {
		s.origin.stop()
	}
}
