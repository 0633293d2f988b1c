package jose

// A looker walks over a document before anything is built of it. Most of what is
// malformed is refused here, at a fraction of the price; the reader that follows
// still checks everything inside of the object.
type looker struct {
	reader
	members int                   // of the outermost object
	n       int                   // how many of names are in use
	names   [2 * maxLooked]string // of the objects around the value, the innermost last
}

// maxLooked bounds the members of one object that are compared with each other.
const maxLooked = 32

// look reports how many members the object in data has, or what is wrong with
// it: the error that reading it would end with.
func look(data string) (members int, err error) {
	l := looker{reader: reader{s: data}}
	if l.next() != '{' {
		return 0, errJSON
	}
	if err := l.object(1); err != nil {
		return 0, err
	}
	if l.space(); l.i != len(l.s) {
		return 0, errTrailing
	}
	return l.members, nil
}

func (l *looker) value(depth int) error {
	if l.values++; l.values > maxValues {
		return errBounds
	}
	var err error
	switch c := l.next(); c {
	case '"':
		_, err = l.string()
	case '{':
		err = l.object(depth + 1)
	case '[':
		err = l.array(depth + 1)
	case 't':
		err = l.literal("true")
	case 'f':
		err = l.literal("false")
	case 'n':
		err = l.literal("null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return errJSON
		}
		_, err = l.number()
	}
	return err
}

func (l *looker) object(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	l.i++ // {
	if l.next() == '}' {
		l.i++
		return nil
	}
	for first := l.n; ; {
		if l.next() != '"' {
			return errJSON
		}
		name, err := l.string()
		if err != nil {
			return err
		}
		if l.next() != ':' {
			return errJSON
		}
		l.i++
		if err := l.value(depth); err != nil {
			return err
		}
		if depth == 1 {
			l.members++
		}
		for _, other := range l.names[first:l.n] {
			if name == other {
				return errDuplicate
			}
		}
		if l.n-first < maxLooked && l.n < len(l.names) {
			l.names[l.n] = name
			l.n++
		}
		switch l.next() {
		case ',':
			l.i++
		case '}':
			l.i++
			l.n = first
			return nil
		default:
			return errJSON
		}
	}
}

func (l *looker) array(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	l.i++ // [
	if l.next() == ']' {
		l.i++
		return nil
	}
	for {
		if err := l.value(depth); err != nil {
			return err
		}
		switch l.next() {
		case ',':
			l.i++
		case ']':
			l.i++
			return nil
		default:
			return errJSON
		}
	}
}
