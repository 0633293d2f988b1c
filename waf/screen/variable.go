package screen

import "strings"

// kind says how a variable's content comes about.
type kind uint8

const (
	kindHead       kind = iota + 1 // known from the head on, and never changed after it
	kindBodyMap                    // a collection to which the body adds
	kindBodySingle                 // one value, which the body changes
	kindOverlay                    // TX, and what the rules themselves have matched
)

// modelled are the variables whose values the parsing transaction knows just as the
// full one would. All others (clocks, the environment, the transaction's own id,
// persistent collections) are left to the reference.
var modelled = map[string]kind{
	"REMOTE_ADDR": kindHead, "REMOTE_PORT": kindHead, "SERVER_ADDR": kindHead, "SERVER_PORT": kindHead, "SERVER_NAME": kindHead,
	"REQUEST_METHOD": kindHead, "REQUEST_PROTOCOL": kindHead, "REQUEST_LINE": kindHead,
	"REQUEST_URI": kindHead, "REQUEST_URI_RAW": kindHead, "REQUEST_FILENAME": kindHead, "REQUEST_BASENAME": kindHead, "QUERY_STRING": kindHead,
	"URI_PARSE_ERROR": kindHead,
	"REQUEST_HEADERS": kindHead, "REQUEST_HEADERS_NAMES": kindHead, "REQUEST_COOKIES": kindHead, "REQUEST_COOKIES_NAMES": kindHead,
	"ARGS_GET": kindHead, "ARGS_GET_NAMES": kindHead, "ARGS_PATH": kindHead,

	"ARGS": kindBodyMap, "ARGS_NAMES": kindBodyMap, "ARGS_POST": kindBodyMap, "ARGS_POST_NAMES": kindBodyMap,
	"FILES": kindBodyMap, "FILES_NAMES": kindBodyMap, "FILES_SIZES": kindBodyMap,
	"MULTIPART_FILENAME": kindBodyMap, "MULTIPART_NAME": kindBodyMap, "MULTIPART_PART_HEADERS": kindBodyMap,
	"MULTIPART_FILENAME_CHARSET": kindBodyMap, "MULTIPART_FILENAME_LANGUAGE": kindBodyMap,
	"XML": kindBodyMap, "REQUEST_XML": kindBodyMap,

	"ARGS_COMBINED_SIZE": kindBodySingle, "FILES_COMBINED_SIZE": kindBodySingle,
	"REQUEST_BODY": kindBodySingle, "REQUEST_BODY_LENGTH": kindBodySingle, "REQBODY_PROCESSOR": kindBodySingle,
	"REQBODY_ERROR": kindBodySingle, "REQBODY_ERROR_MSG": kindBodySingle, "REQBODY_PROCESSOR_ERROR": kindBodySingle, "REQBODY_PROCESSOR_ERROR_MSG": kindBodySingle,
	"MULTIPART_STRICT_ERROR": kindBodySingle, "MULTIPART_DUPLICATE_PART_HEADER": kindBodySingle, "MULTIPART_INVALID_QUOTING": kindBodySingle,
	"URLENCODED_ERROR": kindBodySingle, "ARGUMENTS_LIMIT_REACHED": kindBodySingle, "INBOUND_DATA_ERROR": kindBodySingle,

	"RESPONSE_STATUS": kindHead, "RESPONSE_PROTOCOL": kindHead, "RESPONSE_HEADERS": kindHead, "RESPONSE_HEADERS_NAMES": kindHead,
	"RESPONSE_CONTENT_TYPE": kindHead, "STATUS_LINE": kindHead,
	"RESPONSE_BODY": kindBodySingle, "RESPONSE_CONTENT_LENGTH": kindBodySingle, "OUTBOUND_DATA_ERROR": kindBodySingle,
	"RESPONSE_ARGS": kindBodyMap, "RESPONSE_XML": kindBodyMap,

	"TX": kindOverlay, "MATCHED_VAR": kindOverlay, "MATCHED_VARS": kindOverlay, "MATCHED_VAR_NAME": kindOverlay,
}

// early reports whether a rule of this phase runs before the variable has the value
// that the parsing transaction shows in the end. A rule of an early phase may see
// more values of a collection than the engine does, which can only leave more
// unproven; a count or a single value would be another one.
func early(phase int, variable string) bool {
	if k := modelled[variable]; k != kindBodyMap && k != kindBodySingle {
		return answers(variable) && phase < 3
	}
	if answers(variable) {
		return phase < 4
	}
	return phase < 2
}

// answers reports whether the variable is about the answer.
func answers(variable string) bool {
	return strings.HasPrefix(variable, "RESPONSE_") || variable == "STATUS_LINE" || variable == "OUTBOUND_DATA_ERROR"
}
