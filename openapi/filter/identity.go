package filter

import "bytes"

// ibanLengths are the lengths of IBANs by country (SWIFT's IBAN registry,
// ISO 13616).
var ibanLengths = map[[2]byte]uint8{
	{'A', 'D'}: 24, {'A', 'E'}: 23, {'A', 'L'}: 28, {'A', 'T'}: 20, {'A', 'Z'}: 28, {'B', 'A'}: 20, {'B', 'E'}: 16,
	{'B', 'G'}: 22, {'B', 'H'}: 22, {'B', 'I'}: 27, {'B', 'R'}: 29, {'B', 'Y'}: 28, {'C', 'H'}: 21, {'C', 'R'}: 22,
	{'C', 'Y'}: 28, {'C', 'Z'}: 24, {'D', 'E'}: 22, {'D', 'J'}: 27, {'D', 'K'}: 18, {'D', 'O'}: 28, {'E', 'E'}: 20,
	{'E', 'G'}: 29, {'E', 'S'}: 24, {'F', 'I'}: 18, {'F', 'K'}: 18, {'F', 'O'}: 18, {'F', 'R'}: 27, {'G', 'B'}: 22,
	{'G', 'E'}: 22, {'G', 'I'}: 23, {'G', 'L'}: 18, {'G', 'R'}: 27, {'G', 'T'}: 28, {'H', 'N'}: 28, {'H', 'R'}: 21,
	{'H', 'U'}: 28, {'I', 'E'}: 22, {'I', 'L'}: 23, {'I', 'Q'}: 23, {'I', 'S'}: 26, {'I', 'T'}: 27, {'J', 'O'}: 30,
	{'K', 'W'}: 30, {'K', 'Z'}: 20, {'L', 'B'}: 28, {'L', 'C'}: 32, {'L', 'I'}: 21, {'L', 'T'}: 20, {'L', 'U'}: 20,
	{'L', 'V'}: 21, {'L', 'Y'}: 25, {'M', 'C'}: 27, {'M', 'D'}: 24, {'M', 'E'}: 22, {'M', 'K'}: 19, {'M', 'N'}: 20,
	{'M', 'R'}: 27, {'M', 'T'}: 31, {'M', 'U'}: 30, {'N', 'I'}: 28, {'N', 'L'}: 18, {'N', 'O'}: 15, {'O', 'M'}: 23,
	{'P', 'K'}: 24, {'P', 'L'}: 28, {'P', 'S'}: 29, {'P', 'T'}: 25, {'Q', 'A'}: 29, {'R', 'O'}: 24, {'R', 'S'}: 22,
	{'R', 'U'}: 33, {'S', 'A'}: 24, {'S', 'C'}: 31, {'S', 'D'}: 18, {'S', 'E'}: 24, {'S', 'I'}: 19, {'S', 'K'}: 24,
	{'S', 'M'}: 27, {'S', 'O'}: 23, {'S', 'T'}: 25, {'S', 'V'}: 28, {'T', 'L'}: 23, {'T', 'N'}: 24, {'T', 'R'}: 26,
	{'U', 'A'}: 29, {'V', 'A'}: 22, {'V', 'G'}: 24, {'X', 'K'}: 20, {'Y', 'E'}: 30,
}

// ibanAt returns the end of the IBAN at s[i], a letter, or 0. Single spaces may
// stand between its characters.
func ibanAt(s []byte, i int) int {
	if i+4 > len(s) || s[i+2]-'0' > 9 || s[i+3]-'0' > 9 || !alnum(s[i+1]) {
		return 0
	}
	length := int(ibanLengths[[2]byte{upper(s[i]), upper(s[i+1])}])
	if length == 0 {
		return 0
	}
	var char [34]byte
	n, j, space := 0, i, false
	for ; j < len(s) && n < length; j++ {
		if c := s[j]; alnum(c) {
			char[n] = upper(c)
			n++
			space = false
		} else if c != ' ' || space {
			return 0
		} else {
			space = true
		}
	}
	if n < length || !ends(s, j) {
		return 0
	}
	// ISO 7064 MOD 97-10 over the account, the country and the check digits.
	sum := 0
	for k := range n {
		if c := int(char[(k+4)%n]); c <= '9' {
			sum = (sum*10 + c - '0') % 97
		} else {
			sum = (sum*100 + c - 'A' + 10) % 97
		}
	}
	if sum != 1 {
		return 0
	}
	return j
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c &^= 0x20
	}
	return c
}

// ssnAt returns the end of a US Social Security number at s[i], or 0. It has no
// check digit; areas 000, 666 and 9xx, group 00 and serial 0000 are not given out.
func ssnAt(s []byte, i int) int {
	const length = len("078-05-1120")
	if i+length > len(s) || !ends(s, i+length) {
		return 0
	}
	t := s[i : i+length]
	for k, c := range t {
		if k == 3 || k == 6 {
			if c != t[3] || c != '-' && c != ' ' {
				return 0
			}
		} else if c-'0' > 9 {
			return 0
		}
	}
	area := string(t[:3])
	if area == "000" || area == "666" || t[0] == '9' || string(t[4:6]) == "00" || string(t[7:]) == "0000" {
		return 0
	}
	return i + length
}

// ninoAt returns the end of a UK National Insurance number at s[i], or 0: two
// letters, six digits in pairs, a letter from A to D.
func ninoAt(s []byte, i int) int {
	var char [9]byte
	n, j := 0, i
	for ; j < len(s) && n < len(char); j++ {
		c := s[j]
		if c == ' ' && n >= 2 && n%2 == 0 && s[j-1] != ' ' {
			continue
		}
		if digit := c-'0' <= 9; !alnum(c) || digit != (2 <= n && n < 8) {
			return 0
		}
		char[n] = upper(c)
		n++
	}
	if n < len(char) || char[8] > 'D' || !ends(s, j) ||
		bytes.IndexByte([]byte("DFIQUV"), char[0]) >= 0 || bytes.IndexByte([]byte("DFIOQUV"), char[1]) >= 0 {
		return 0
	}
	switch string(char[:2]) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return 0
	}
	return j
}

// steuerIDAt returns the end of a German Steuer-ID at s[i], or 0. Of its first ten
// digits exactly one stands twice or thrice; the last is of ISO 7064 MOD 11,10.
func steuerIDAt(s []byte, i int) int {
	r := runAt(s, i, 11, " ")
	if r.n < 11 || r.digit[0] == 0 || !ends(s, r.end[10]) {
		return 0
	}
	var count [10]int
	product := 10
	for _, d := range r.digit[:10] {
		count[d]++
		if product = (int(d) + product) % 10; product == 0 {
			product = 10
		}
		product = product * 2 % 11
	}
	twice := 0
	for _, n := range count {
		if n > 3 {
			return 0
		}
		if n > 1 {
			twice++
		}
	}
	if check := (11 - product) % 10; twice != 1 || check != int(r.digit[10]) {
		return 0
	}
	return r.end[10]
}

// nirAt returns the end of a French NIR at s[i], or 0: sex, year, month, département
// (two digits, 2A or 2B), commune, order and the key, 97 less the rest by 97.
func nirAt(s []byte, i int) int {
	var char [15]byte
	n, j := 0, i
	for ; j < len(s) && n < len(char); j++ {
		c := s[j]
		if c == ' ' && n > 0 && s[j-1] != ' ' {
			continue
		}
		if c-'0' > 9 && !(n == 6 && char[5] == '2' && (upper(c) == 'A' || upper(c) == 'B')) {
			return 0
		}
		char[n] = upper(c)
		n++
	}
	if n < len(char) || !ends(s, j) {
		return 0
	}
	switch char[0] {
	case '1', '2', '3', '4', '7', '8':
	default:
		return 0
	}
	if month := (char[3]-'0')*10 + char[4] - '0'; month == 0 || month > 12 && month < 20 || month > 42 && month < 50 {
		return 0
	}
	number := 0
	for k, c := range char[:13] {
		if k == 6 && c >= 'A' { // 2A counts as 19, 2B as 18
			number, c = number-1, '9'-(c-'A')
		}
		number = number*10 + int(c-'0')
	}
	if key := int(char[13]-'0')*10 + int(char[14]-'0'); key != 97-number%97 {
		return 0
	}
	return j
}
