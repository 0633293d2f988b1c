// Package filter cuts answers down to what a contract promises: properties nobody
// declared and writeOnly ones are removed, sensitive values masked for who asks, and
// of the rest only what the caller selected is kept. Everything else stays as it
// was, byte for byte: the spelling of numbers, the order of members, white space.
//
// What is to be cut says package schema, by a [schema.Mark] for each token of a
// [strictjson.Tape]. What is masked says a [Masker], compiled once from the rules of
// a [Config]; a [View] is what it means for one caller. What was asked for is a
// [Selection]. [Body] filters a whole text, a [Writer] a stream: the elements of a
// top-level array one at a time, each judged and filtered by itself, in the memory
// of one. Both give the same text.
//
// # What is left out, what stays
//
// Members of objects are removed; elements of arrays never are, so that positions
// keep their meaning: one that would have to be is redacted. A selection cuts
// objects; where its path leads on and there is no object (null, an id instead of
// the expanded object), the value stays.
//
// What is left after the cut fits the schema, and the cut leaves it alone: where the
// schema makes that doubtful ([Unsettled]), it is judged again.
//
// # Masks
//
// A [Rule] names values by field name, by the class the document gives them
// (x-gatehouse-class) or by what they look like (see [Detectors]). Of several rules
// by name or class that match a value, or anything it stands in, the first one
// counts, whatever its mask says: a rule with mask "none" makes an exception.
// Detectors look only at values that no such rule matched, inside of longer texts
// too, and only the part that was found is masked.
//
//	mask     text                 number                  true, false
//	remove   the member is left out; as redact where there is no member
//	redact   "***"                0                       false
//	last4    "***1111"            0                       false
//	email    "j***@example.com"   0                       false
//	hash     32 hex digits        an integer below 2^53   false
//
// null stays null, and objects and arrays keep their shape: what they hold is
// masked. With as_text a number is masked as the text that spells it and becomes a
// string. Texts of fewer than eight characters show no last four. A hash is an HMAC
// (SHA-256) of a text, or of a number as it is spelled: the same for the same value
// and key, a pseudonym. A masked text may break what the schema says of it (format,
// pattern, enum): that is the price of masking, and the check has been made before.
//
// All masks but hash leave alone what they made; so what was filtered once is not
// changed by filtering it again.
package filter
