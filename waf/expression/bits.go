package expression

import (
	"math"
	"math/bits"
	"strings"
)

// byteBits says how rare a byte is in what APIs are sent (words, numbers, addresses, tokens):
// about the negative logarithm, base 2, of its share. It only steers what is chosen among
// sound conditions; no promise rests on it.
var byteBits = func() (table [256]float64) {
	for b := range table {
		switch {
		case b < 0x20 || b == 0x7F:
			table[b] = 13
		case b >= 0x80:
			table[b] = 9
		default:
			table[b] = 11
		}
	}
	for i, group := range []string{ // 3.5 bits, then one more bit for each group
		" e", "aionrst0", "1dhlc2", "35mup46789/.", "-fgybw_", "kv:=%,", "jxqz&@+", "\n\"?'();",
	} {
		for j := 0; j < len(group); j++ {
			table[group[j]] = 3.5 + float64(i)*0.8
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		table[c] = table[c+'a'-'A'] + 2
	}
	return table
}()

// frequent holds words that stand in ordinary text more often than their letters say.
var frequent = strings.Fields("the and for are not you all was can has had but what with from this that " +
	"have your out get set new use one two any our his her how its who did man day may per via " +
	"http https www com org net html json id name type user data list order date time text code page " +
	"in on at to of is it as or an be by if so us we no do go my up")

// rarity estimates how unlikely it is that literal, folded, occurs in a text: bits.
func rarity(literal string) float64 {
	sum := 0.0
	for i := 0; i < len(literal); i++ {
		sum += byteBits[literal[i]]
	}
	for _, word := range frequent {
		if literal == word {
			return sum / 2
		}
	}
	return sum
}

// chance estimates how likely one of the literals occurs in an ordinary text: 0 to 1.
func chance(literals []string) float64 {
	const places = 24 // where a literal may begin
	sum := 0.0
	for _, literal := range literals {
		sum += places * math.Exp2(-rarity(literal))
	}
	return min(sum, 1)
}

// chance estimates how likely an ordinary text holds a byte of the set: 0 to 1.
func (s *Bytes) chance() float64 {
	sum := 0.0
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			sum += absence[64*i+bits.TrailingZeros64(word)]
		}
	}
	return 1 - math.Exp(sum)
}

// absence holds the logarithm of how likely a text of sixteen bytes lacks a byte.
var absence = func() (logs [256]float64) {
	for b := range logs {
		logs[b] = 16 * math.Log1p(-math.Exp2(-byteBits[b]))
	}
	return logs
}()
