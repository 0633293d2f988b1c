package screen

import (
	"hash/maphash"
	"strings"
	"sync"
)

// seen remembers texts that come with every request, such as the fields a browser
// sends and the names of arguments, and what they were proven for. A proof is about
// a text alone, so it stays true.
type seen struct {
	seed   maphash.Seed
	shards [16]struct {
		sync.RWMutex
		texts map[string]uint64 // the uses a text was proven for
	}
}

// Bounds of what is remembered, for each shard: when it is full it begins anew.
const (
	seenTexts  = 512
	seenLength = 256
)

func newSeen() *seen { return &seen{seed: maphash.MakeSeed()} }

func (s *seen) of(text string) uint64 {
	shard := &s.shards[maphash.String(s.seed, text)%uint64(len(s.shards))]
	shard.RLock()
	defer shard.RUnlock()
	return shard.texts[text]
}

func (s *seen) add(text string, use int) {
	if len(text) > seenLength {
		return
	}
	shard := &s.shards[maphash.String(s.seed, text)%uint64(len(s.shards))]
	shard.Lock()
	defer shard.Unlock()
	if shard.texts == nil || len(shard.texts) >= seenTexts {
		shard.texts = map[string]uint64{}
	}
	if _, ok := shard.texts[text]; !ok {
		text = strings.Clone(text) // it may be a part of a whole message
	}
	shard.texts[text] |= 1 << use
}

// recurs reports whether a value may be remembered: it is no credential and nothing
// of what people say, and likely to come again.
func (s *slot) recurs(key string) bool {
	switch s.name {
	case "REQUEST_HEADERS_NAMES", "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES", "REQUEST_COOKIES_NAMES", "REQUEST_METHOD", "REQUEST_PROTOCOL":
		return true
	case "REQUEST_HEADERS":
		return recurring[strings.ToLower(key)]
	}
	return false
}

var recurring = map[string]bool{"user-agent": true, "accept": true, "accept-language": true, "accept-encoding": true, "host": true,
	"origin": true, "connection": true, "content-type": true, "cache-control": true, "pragma": true, "dnt": true, "te": true, "priority": true,
	"upgrade-insecure-requests": true, "x-requested-with": true, "sec-fetch-dest": true, "sec-fetch-mode": true, "sec-fetch-site": true, "sec-fetch-user": true,
	"sec-ch-ua": true, "sec-ch-ua-mobile": true, "sec-ch-ua-platform": true}
