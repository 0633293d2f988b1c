package transform

import "strings"

// bestFit returns the byte a %uXXXX escape stands for: its best fit in code page 20127
// (US-ASCII), else the low byte of its number.
func bestFit(code int) byte {
	if 0xa0 <= code && code < 0xa0+len(latinBestFit) {
		if b := latinBestFit[code-0xa0]; b != '_' {
			return b
		}
		return byte(code)
	}
	switch code {
	case 0x261:
		return 'g'
	case 0x2b9, 0x2bc, 0x2c8, 0x2018, 0x2019, 0x2032:
		return '\''
	case 0x2ba, 0x30e, 0x201c, 0x201d, 0x201e:
		return '"'
	case 0x2c4, 0x2c6, 0x302:
		return '^'
	case 0x2cb, 0x300, 0x2035:
		return '`'
	case 0x2cd, 0x331, 0x332:
		return '_'
	case 0x2dc, 0x303:
		return '~'
	case 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006:
		return ' '
	case 0x2010, 0x2011, 0x2013, 0x2014:
		return '-'
	case 0x201a:
		return ','
	case 0x2022, 0x2026:
		return '.'
	case 0x2039:
		return '<'
	case 0x203a:
		return '>'
	case 0x2122:
		return 'T'
	}
	return foldFullWidth(code)
}

// latinBestFit is the best fit of U+00A0 and on; "_" where there is none.
var latinBestFit = strings.Join([]string{
	` !c_$Y|__Ca<_-R___23___.,1o>____AAAAAAACEEEEIIII`, // U+00A0
	`DNOOOOO_OUUUUY__aaaaaaaceeeeiiii_nooooo_ouuuuy_y`, // U+00D0
	`AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIi`, // U+0100
	`Ii__JjKk_LlLlLl__LlNnNnNn___OoOoOoOoRrRrRrSsSsSs`, // U+0130
	`SsTtTtTtUuUuUuUuUuUuWwYyYZ_ZzZz_b________D______`, // U+0160
	`_Ff____I__l____OOo_________t__TUu_____z_________`, // U+0190
	`_____________AaIiOoUuUuUuUuUu_Aa____GgGgKkOoOo__`, // U+01C0
	`j`, // U+01F0
}, "")
