package seclang

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// phraseSets remembers the sets of phrases of all Programs of this process.
//
// Coraza builds the automaton of pm, pmFromFile and pmFromDataset once for each
// key, which is the phrases themselves, the path of the file or the name of the
// dataset, and shares it among all WAF instances that live. So, after a file has
// changed, or where two names meet, a rule may be looking for other phrases than
// it names; a key that has ever stood for two sets isn't to be trusted again.
var phraseSets = phraseRegister{sets: map[[32]byte]phraseSet{}}

// maxPhraseSets bounds the memory of the register to some MiB; beyond it, what is
// new isn't trusted.
const maxPhraseSets = 50_000

type phraseRegister struct {
	mu   sync.Mutex
	sets map[[32]byte]phraseSet
}

type phraseSet struct {
	content   [32]byte
	ambiguous bool
}

// same notes that key stands for phrases, and reports whether it never stood for
// anything else.
func (p *phraseRegister) same(key string, phrases []string) bool {
	k, content := digest(key), digest(phrases...)
	p.mu.Lock()
	defer p.mu.Unlock()
	set, known := p.sets[k]
	switch {
	case !known && len(p.sets) >= maxPhraseSets:
		return false
	case !known:
		set.content = content
	case set.content != content:
		set.ambiguous = true
	}
	p.sets[k] = set
	return !set.ambiguous
}

// digest hashes texts, each with its length.
func digest(texts ...string) (sum [32]byte) {
	h := sha256.New()
	var length [8]byte
	for _, s := range texts {
		binary.LittleEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
	h.Sum(sum[:0])
	return sum
}
