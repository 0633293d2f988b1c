package payload

import "strings"

var (
	// targetWords in a field's name say that its value is where a request goes.
	targetWords = set(`url uri urls uris link href src callback webhook webhooks hook redirect target host hostname
		hosts endpoint endpoints dest destination feed proxy server domain site remote upstream fetch goto forward location`)
	// targetEndings do so at the end of words written together: callbackurl.
	targetEndings = []string{"url", "uri", "href", "webhook", "callback", "endpoint", "hostname"}
	// attributeWords at a name's end say that the value is only something about a
	// target: target_version, host_count.
	attributeWords = set(`id ids count version type size status title description text label enabled port timeout
		method date at key token secret mode policy length total name`)
)

// targetName reports whether a field's name suggests the target of a request.
func (i *Inspector) targetName(name string) bool {
	if len(name) > 200 {
		name = name[len(name)-200:]
	}
	if len(i.targetWords) > 0 && i.targetWords[foldName(lastSegment(name))] {
		return true
	}
	var buf [32]byte
	found, attribute := false, false
	for from := 0; from < len(name); {
		end := wordEnd(name, from)
		if end == from {
			from++
			continue
		}
		n := 0
		for n < len(buf) && from+n < end {
			buf[n] = lower(name[from+n])
			n++
		}
		word := buf[:n]
		hit := targetWords[string(word)] || i.targetWords[string(word)]
		for _, ending := range targetEndings {
			hit = hit || strings.HasSuffix(string(word), ending)
		}
		attribute = attributeWords[string(word)] && !(found && string(word) == "name") // host_name
		found = found || hit
		from = end
	}
	return found && !attribute
}

// wordEnd returns where the word at from ends, in snake_case, kebab-case or camelCase.
func wordEnd(s string, from int) int {
	i := from
	for i < len(s) && letter(s[i]) {
		if i > from && upper(s[i]) && (!upper(s[i-1]) || i+1 < len(s) && letter(s[i+1]) && !upper(s[i+1])) {
			break
		}
		i++
	}
	return i
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func upper(c byte) bool  { return 'A' <= c && c <= 'Z' }

// foldName returns a name's letters and digits, lower-case.
func foldName(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := lower(s[i]); letter(c) || '0' <= c && c <= '9' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// operators are MongoDB's of queries and aggregations, which CouchDB and others
// share, and Sequelize's former ones. Those of updates ($set, $inc) are left out: events of analytics use them.
var operators = set(`ne eq gt gte lt lte in nin not nor or and exists regex expr mod elemMatch all size near
	nearSphere geoWithin geoIntersects jsonSchema lookup graphLookup unionWith out merge regexMatch options rlike like
	notIn between any overlap contains iLike startsWith endsWith`)

// codeOperators run code in the database.
var codeOperators = set(`where function accumulator`)

// key judges the name of a parameter or member.
func (w *walk) key(name string) {
	c := classify(name)
	if c&(isDollar|isUnder|isOpen|isDot) == 0 {
		return
	}
	if c&isDollar != 0 && w.i.nosql {
		w.operator(name)
	}
	if w.i.prototype && reachesPrototype(name) {
		w.find(rulePrototypeKey, "")
	}
}

func (w *walk) operator(name string) {
	for from := 0; from < len(name); {
		segment, next := cutSegment(name, from)
		from = next
		if len(segment) < 3 || len(segment) > 16 || segment[0] != '$' {
			continue
		}
		switch {
		case codeOperators[segment[1:]]:
			w.find(ruleNoSQLCode, "")
		case operators[segment[1:]]:
			w.find(ruleNoSQLOperator, "")
		}
	}
}

// cutSegment returns the part of a name or property path that begins at from.
func cutSegment(s string, from int) (segment string, next int) {
	i := from
	for i < len(s) && strings.IndexByte(`.[]/'"`, s[i]) < 0 {
		i++
	}
	return s[from:i], i + 1
}

// reachesPrototype reports whether a name or path has a segment that leads to an
// object's prototype: __proto__, or constructor and then prototype.
func reachesPrototype(s string) bool {
	if !strings.Contains(s, "__") && !strings.Contains(s, "constructor") {
		return false
	}
	before := ""
	for from := 0; from < len(s); {
		segment, next := cutSegment(s, from)
		from = next
		switch segment {
		case "":
			continue
		case "__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__":
			return true
		case "prototype":
			if before == "constructor" {
				return true
			}
		}
		before = segment
	}
	return false
}

// pathNames are fields that hold property paths, as JSON Patch's (RFC 6902).
var pathNames = set(`path from key field prop property pointer attribute attr keypath`)

// propertyPath judges a value that may be a property path: a JSON pointer, or
// whatever a field of such a name holds.
func (w *walk) propertyPath(s string) {
	if len(s) < len("__proto__") || len(s) > 512 || strings.ContainsAny(s, " \n\t;=()") || !reachesPrototype(s) {
		return
	}
	if s[0] == '/' || pathNames[foldName(lastSegment(w.name()))] {
		w.find(rulePrototypePath, "")
	}
}

// lastSegment returns the last segment of a name that is no index.
func lastSegment(name string) (last string) {
	for from := 0; from < len(name); {
		segment, next := cutSegment(name, from)
		from = next
		if segment != "" && !digits(segment) {
			last = segment
		}
	}
	return last
}
