package schema

// full dates and times of RFC 3339, section 5.6.

func isDate(s []byte) bool { return len(s) == 10 && dateAt(s) }

func dateAt(s []byte) bool {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	year, month, day := number(s, 4), number(s[5:], 2), number(s[8:], 2)
	if year < 0 || month < 1 || month > 12 || day < 1 {
		return false
	}
	days := 31
	switch month {
	case 4, 6, 9, 11:
		days = 30
	case 2:
		days = 28
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			days = 29
		}
	}
	return day <= days
}

func isDateTime(s []byte) bool {
	return len(s) > 11 && dateAt(s) && s[10]|0x20 == 't' && isTime(s[11:])
}

func isLocalDateTime(s []byte) bool {
	return len(s) > 11 && dateAt(s) && s[10]|0x20 == 't' && isLocalTime(s[11:])
}

func isLocalTime(s []byte) bool {
	_, _, second, rest := clockTime(s)
	return second >= 0 && second < 60 && len(rest) == 0
}

// clockTime reads HH:MM:SS and a fraction; second is -1 where there is none.
func clockTime(s []byte) (hour, minute, second int, rest []byte) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, 0, -1, nil
	}
	hour, minute, second = number(s, 2), number(s[3:], 2), number(s[6:], 2)
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second > 60 {
		return 0, 0, -1, nil
	}
	if s = s[8:]; len(s) > 0 && s[0] == '.' {
		n := 1
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		if n == 1 {
			return 0, 0, -1, nil
		}
		s = s[n:]
	}
	return hour, minute, second, s
}

func isTime(s []byte) bool {
	hour, minute, second, zone := clockTime(s)
	if second < 0 || len(zone) == 0 {
		return false
	}
	at := hour*60 + minute
	switch {
	case len(zone) == 1 && zone[0]|0x20 == 'z':
	case len(zone) == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':':
		h, m := number(zone[1:], 2), number(zone[4:], 2)
		if h < 0 || h > 23 || m < 0 || m > 59 {
			return false
		}
		if zone[0] == '+' {
			at -= h*60 + m
		} else {
			at += h*60 + m
		}
	default:
		return false
	}
	const day = 24 * 60
	return second < 60 || (at+day)%day == day-1 // leap seconds end a day of UTC
}

// isDuration reports whether s is a duration of RFC 3339, appendix A: units in
// order, none left out between two.
func isDuration(s []byte) bool {
	if len(s) < 2 || s[0] != 'P' {
		return false
	}
	s = s[1:]
	if s[len(s)-1] == 'W' {
		return allDigits(s[:len(s)-1])
	}
	ok := true
	if s[0] != 'T' {
		if s, ok = units(s, "YMD"); !ok || len(s) == 0 {
			return ok
		}
	}
	s, ok = units(s[1:], "HMS") // behind the T
	return ok && len(s) == 0
}

// units reads numbers with units that follow one another in order, up to a T or the
// end; there is at least one.
func units(s []byte, order string) (rest []byte, ok bool) {
	next := -1
	for len(s) > 0 && s[0] != 'T' {
		n := 0
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		if n == 0 || n == len(s) {
			return nil, false
		}
		at := -1
		for i := range len(order) {
			if order[i] == s[n] {
				at = i
			}
		}
		if at < 0 || next >= 0 && at != next {
			return nil, false
		}
		next = at + 1
		s = s[n+1:]
	}
	return s, next >= 0
}
