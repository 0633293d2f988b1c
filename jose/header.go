package jose

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxParameters bounds the parameters of a header; RFC 7515 registers eleven.
const maxParameters = 24

// Header is the protected header of a token (RFC 7515, section 4), as far as
// anybody may go by it.
type Header struct {
	Algorithm Algorithm
	// KeyID is "kid", "" where there is none. It is opaque: a map key, and never a
	// path, a query or a URL.
	KeyID string
	// Type is "typ" as it stands there, "" where there is none.
	Type string

	jwk    any // of proofs
	hasJWK bool
}

// read reads the header's JSON as strictly as [ParseClaims] does, and makes no map
// of it: most headers have three parameters, and every token has a header.
func (h *Header) read(data string) error {
	if !utf8.ValidString(data) {
		return errUTF8
	}
	r := reader{s: data}
	if r.next() != '{' {
		return errJSON
	}
	r.i++
	var seen [maxParameters]string
	n := 0
	for more := r.next() != '}'; more; {
		if r.next() != '"' {
			return errJSON
		}
		name, err := r.string()
		if err != nil {
			return err
		}
		switch {
		case slices.Contains(seen[:n], name):
			return errDuplicate
		case twin(name, registeredHeaders):
			return errCaseFolded
		case n == maxParameters:
			return errBounds
		}
		seen[n] = name
		n++
		if r.next() != ':' {
			return errJSON
		}
		r.i++
		if err := h.parameter(&r, name); err != nil {
			return err
		}
		switch r.next() {
		case ',':
			r.i++
		case '}':
			more = false
		default:
			return errJSON
		}
	}
	r.i++ // }
	r.space()
	if r.i != len(data) {
		return errTrailing
	}
	return h.check()
}

// parameter reads the value of one parameter. Those that would change how the
// token is read are refused: what crit names must be understood (RFC 7515, section
// 4.1.11), and here nothing is.
func (h *Header) parameter(r *reader, name string) (err error) {
	switch name {
	case "alg":
		var alg string
		alg, err = r.word()
		h.Algorithm = Algorithm(alg)
	case "kid":
		h.KeyID, err = r.word()
	case "typ":
		h.Type, err = r.word()
	case "jwk":
		h.hasJWK = true
		h.jwk, err = r.value(1)
	case "crit":
		err = errCrit
	case "b64":
		err = errB64
	case "zip":
		err = errZip
	case "enc":
		err = errEncrypted
	default:
		_, err = r.value(1)
	}
	return err
}

// word reads a string that is not empty.
func (r *reader) word() (string, error) {
	if r.next() != '"' {
		if _, err := r.value(1); err != nil {
			return "", err
		}
		return "", errHeader
	}
	s, err := r.string()
	if err == nil && s == "" {
		err = errHeader
	}
	return s, err
}

func (h *Header) check() error {
	switch {
	case h.Algorithm == "":
		return errHeader
	case h.Algorithm.Known():
		return nil
	case strings.EqualFold(string(h.Algorithm), "none"):
		return errAlgNone
	}
	return errAlgUnknown
}
