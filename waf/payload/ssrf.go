package payload

import (
	"strings"
)

// Schemes that have no place in what a client sends, and those that have none in
// the target of a request.
var (
	forbiddenSchemes = set(`file gopher dict ldap ldaps ldapi jar netdoc phar php expect glob tftp rmi
		compress.zlib compress.bzip2 local_file zip rar ogg`)
	targetSchemes = set(`ftp ftps sftp scp telnet smb imap imaps pop3 pop3s smtp smtps redis rediss`)
	// special is the schemes whose slashes URL parsers do not count.
	special = set(`http https ws wss ftp`)
	// wrappers stand before another URL.
	wrappers = set(`jar url view-source feed blob netdoc`)
)

// maxTarget bounds what is looked at of a value: no URL parser reads more.
const maxTarget = 8 << 10

// ssrf looks for the target of a request in one value.
func (w *walk) ssrf(s string, c class) {
	if !w.i.ssrf || w.targets == targetsNone {
		return
	}
	s = trimControls(s[:min(len(s), maxTarget)])
	if c&(isPercent|isColon) == isPercent && encodedURL(s) {
		w.line = appendUnpercented(w.line[:0], s)
		w.line = appendUnpercented(w.line[:0], w.line)
		s = view(w.line)
		c |= classify(s)
	}
	if c&(isBreak|isControl) != 0 && c&(isSlash|isColon) != 0 {
		s = w.withoutBreaks(s) // WHATWG URL, section 4.4: removed wherever they stand
	}
	if s == "" {
		return
	}
	spaced := strings.IndexByte(s, ' ') >= 0
	if c&(isSlash|isColon) != 0 {
		if scheme, rest, ok := cutScheme(s); ok {
			w.url(scheme, rest, spaced)
			if c&isColon == 0 {
				return
			}
			s = rest
		} else if !spaced {
			w.bare(s, c)
		}
		if !spaced && c&isColon != 0 {
			w.nested(s)
		}
		return
	}
	if !spaced {
		w.bare(s, c)
	}
}

// encodedURL reports whether s may be a URL that was encoded once too often.
func encodedURL(s string) bool {
	s = s[:min(len(s), 32)]
	return strings.Contains(s, "%3A") || strings.Contains(s, "%3a") || strings.Contains(s, "%253") || strings.HasPrefix(s, "%2")
}

// nested judges URLs within a value: in a list, a query, behind a wrapper.
func (w *walk) nested(s string) {
	for range 16 {
		i := strings.Index(s, "://")
		if i < 0 {
			return
		}
		from := i
		for from > 0 && schemeByte(s[from-1]) {
			from--
		}
		// In brackets or quotes it is a part of a text.
		if from == 0 || strings.IndexByte("=,;:!|&?/#@", s[from-1]) >= 0 {
			w.url(s[from:i], strings.TrimLeft(s[i+3:], `/\`), false)
		}
		s = s[i+3:]
	}
}

func schemeByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'
}

func slash(c byte) bool { return c == '/' || c == '\\' }

// cutScheme takes a URL's scheme off, and the slashes behind it. A URL without a
// scheme begins with two slashes of either kind.
func cutScheme(s string) (scheme, rest string, ok bool) {
	if len(s) > 2 && slash(s[0]) && slash(s[1]) {
		return "", strings.TrimLeft(s, `/\`), true
	}
	n := 0
	for n < len(s) && n < 20 && schemeByte(s[n]) {
		n++
	}
	if n == 0 || n == len(s) || s[n] != ':' || s[0] < 'A' {
		return "", s, false
	}
	scheme, rest = s[:n], s[n+1:]
	bare := strings.TrimLeft(rest, `/\`)
	var buf [20]byte
	for i := range n {
		buf[i] = lower(scheme[i])
	}
	switch slashes := len(rest) - len(bare); {
	case slashes >= 2, special[string(buf[:n])] && bare != "" && bare[0] != ' ',
		slashes == 1 && forbiddenSchemes[string(buf[:n])]:
		return scheme, bare, true
	case wrappers[string(buf[:n])]:
		if _, _, inner := cutScheme(rest); inner {
			return scheme, rest, true
		}
	}
	return "", s, false
}

// url judges one URL. In a value with spaces, a text that begins with a URL is no
// target unless the field's name says so.
func (w *walk) url(scheme, rest string, spaced bool) {
	if len(scheme) <= 20 {
		var buf [20]byte
		for i := range len(scheme) {
			buf[i] = lower(scheme[i])
		}
		name := buf[:len(scheme)]
		switch {
		case forbiddenSchemes[string(name)]:
			if w.sure(spaced) {
				w.find(ruleSSRFScheme, "")
			}
		case targetSchemes[string(name)]:
			if w.named() {
				w.find(ruleSSRFScheme, "")
			}
		case wrappers[string(name)]:
			if inner, behind, ok := cutScheme(rest); ok && !wrappers[strings.ToLower(inner)] {
				w.url(inner, behind, spaced)
			}
			return
		}
	}
	if end := strings.IndexByte(rest, '/'); end >= 0 {
		rest = rest[:end]
	}
	if scheme != "" {
		rest = strings.TrimLeft(rest, " ")
	}
	if len(rest) > maxHost*4 {
		rest = rest[:maxHost*4]
	}
	switch r := w.readAuthority(rest); {
	case r.reach == reachMetadata:
		w.find(ruleSSRFMetadata, hintOf(r))
	case r.reach == reachPrivate:
		if w.sure(spaced) {
			w.find(ruleSSRFPrivate, hintOf(r))
		}
	case r.unusual:
		w.find(ruleSSRFNotation, "")
	}
}

// sure reports whether a URL found here is taken for a target.
func (w *walk) sure(spaced bool) bool {
	return !spaced && w.targets == targetsAll || w.named()
}

// readAuthority reads the host of an authority as any parser might: behind each @,
// before each backslash, question mark or number sign, folded or not. It returns
// the worst reading of those that are not allowed.
func (w *walk) readAuthority(s string) (worst reading) {
	w.host = appendHost(w.host[:0], s)
	text := view(w.host)
	opener, query := byte('@'), false
	for from, i := 0, 0; i <= len(text); i++ {
		if i < len(text) && strings.IndexByte(`@\/?# `, text[i]) < 0 {
			continue
		}
		if piece := text[from:i]; opener == '@' && piece != "" {
			r := readHost(piece, true)
			if mail := query && !r.addr.IsValid(); !mail && !w.i.allows(r, piece) { // ?to=ada@mail.internal
				worst = worst.worse(r)
			}
		}
		if i < len(text) {
			opener = text[i]
			query = query || opener == '?' || opener == '#'
		}
		from = i + 1
	}
	return worst
}

// bare judges a value without a scheme as a host, with a port or path behind it.
func (w *walk) bare(s string, c class) {
	if w.i.bare == BareNever || w.targets == targetsNone {
		return
	}
	end := strings.IndexAny(s, `/\?#`)
	if end < 0 {
		end = len(s)
	}
	s = s[:end]
	at := strings.LastIndexByte(s, '@')
	s = s[at+1:]
	if s == "" || len(s) > maxHost {
		return
	}
	first := s[0]
	letters := 'a' <= first|0x20 && first|0x20 <= 'z'
	if letters && c&(isDot|isColon|isHigh|isPercent) == 0 && !wordTarget(s) {
		return // one word
	}
	w.host = appendHost(w.host[:0], s)
	host := view(w.host)
	r := readHost(host, false)
	if at >= 0 && !r.addr.IsValid() { // somebody's address for mail
		return
	}
	if r.reach <= reachPublic || !plausible(host, r) || (w.i.bare == BareNamed || w.targets == targetsNamed) && !w.named() || w.i.allows(r, host) {
		return
	}
	if r.reach == reachMetadata {
		w.find(ruleSSRFMetadata, hintOf(r))
	} else {
		w.find(ruleSSRFPrivate, hintOf(r))
	}
}

// wordTarget tells single words that are hosts.
func wordTarget(s string) bool {
	switch len(s) {
	case len("metadata"):
		return strings.EqualFold(s, "metadata")
	case len("localhost"):
		return strings.EqualFold(s, "localhost")
	case len("ip6-localhost"), len("ip6-loopback"):
		return strings.EqualFold(s, "ip6-localhost") || strings.EqualFold(s, "ip6-loopback") || strings.EqualFold(s, "instance-data")
	}
	return false
}

// plausible tells an address from a number or version that merely reads as one:
// 10.1 and 2147483647 are no targets, 127.1 and 2130706433 are.
func plausible(host string, r reading) bool {
	if !r.addr.Is4() || !r.unusual || strings.Count(strings.TrimRight(host, "."), ".") == 3 || strings.Contains(host, "x") {
		return true
	}
	b := r.addr.As4()
	if r.reach == reachMetadata {
		return true
	}
	if strings.IndexByte(host, '.') < 0 { // one number
		return b[0] == 127 && b[1] == 0 && b[2] == 0
	}
	return b[0] == 127 || b[0] == 169 && b[1] == 254
}

func hintOf(r reading) string {
	what := [...]string{"a local name", "a loopback address", "a link-local address", "a private address", "a reserved address"}
	k := 0
	if a := r.addr; a.IsValid() {
		switch {
		case a.IsLoopback() || a.IsUnspecified():
			k = 1
		case a.IsLinkLocalUnicast():
			k = 2
		case a.IsPrivate():
			k = 3
		default:
			k = 4
		}
	}
	if r.reach == reachMetadata {
		what = [...]string{"by its name", "", "by its address", "by its address", "by its address"}
	}
	if r.unusual {
		return what[k] + ", in an unusual notation"
	}
	return what[k]
}

// trimControls trims white space and control characters.
func trimControls(s string) string {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// withoutBreaks returns s without tabs, line breaks and other control characters.
func (w *walk) withoutBreaks(s string) string {
	w.line = w.line[:0]
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c != 0x7f {
			w.line = append(w.line, c)
		}
	}
	return view(w.line)
}

// allows reports whether a target that is not public is allowed by name or network.
// What is allowed by network must be written as everybody writes it.
func (i *Inspector) allows(r reading, host string) bool {
	if len(i.allow) == 0 {
		return false
	}
	if !r.addr.IsValid() {
		host, _, _ = strings.Cut(host, ":")
		host = strings.TrimSuffix(host, ".")
	}
	for _, a := range i.allow {
		switch {
		case a.prefix.IsValid():
			if r.addr.IsValid() && !r.unusual && a.prefix.Contains(r.addr) {
				return true
			}
		case r.addr.IsValid():
		case strings.HasPrefix(a.host, "."):
			if strings.HasSuffix(host, a.host) {
				return true
			}
		case host == a.host:
			return true
		}
	}
	return false
}
