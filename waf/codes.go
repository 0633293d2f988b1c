package waf

// The reason codes, besides those of package payload's rules. Details have
// "waf." and the rule's id.
const (
	CodeBlocked        = "waf.blocked"                // 403, or the status of the rule
	CodeMatched        = "waf.matched"                // no refusal: rules matched, and the score stays below the threshold
	CodeCoding         = "waf.content_coding"         // 415
	CodeCodingInvalid  = "waf.content_coding_invalid" // 400
	CodeDecompression  = "waf.decompression_limit"    // 413
	CodeFiles          = "waf.files"                  // 413
	CodeQuotes         = "waf.quotes"                 // 413
	CodeAmbiguous      = "waf.ambiguous_fields"       // 400
	CodeCostly         = "waf.replay_limit"           // 413
	CodeBudget         = "waf.budget"                 // 429
	CodeBusy           = "waf.busy"                   // 503
	CodeEngine         = "waf.engine_failed"          // 503
	CodeAnswerBlocked  = "waf.answer_blocked"         // 502
	CodeAnswerCoding   = "waf.answer_coding"          // 502
	CodeAnswerUnjudged = "waf.answer_unjudged"        // no refusal: the answer could not be judged, and needs not be
)

// Codes are the codes above with the status and meaning of each.
var Codes = []struct {
	Code   string
	Status int // 0 where nothing is refused
	Means  string
}{
	{CodeBlocked, 403, "rules match, and the score reaches the threshold, or a rule of yours refuses; a rule of yours may say another status"},
	{CodeMatched, 0, "rules match, and the score stays below the threshold"},
	{CodeCoding, 415, "a content coding nobody knows, or more than two"},
	{CodeCodingInvalid, 400, "the bytes are not what the content coding says"},
	{CodeDecompression, 413, "the body grows beyond its limit, or a hundredfold"},
	{CodeFiles, 413, "a form with more than 100 files, each of which the engine would write to disk, or 10,000 parts"},
	{CodeQuotes, 413, "values with so many doubled or escaped quotes that looking for SQL would take seconds"},
	{CodeAmbiguous, 400, "a form with fields whose names differ in case only, which readers take differently"},
	{CodeCostly, 413, "the request cannot be proven, and is too large to go through all rules"},
	{CodeBudget, 429, "the caller's unprovable requests cost more than the budget"},
	{CodeBusy, 503, "too many unprovable requests at once"},
	{CodeEngine, 503, "the engine failed"},
	{CodeAnswerBlocked, 502, "rules match the answer"},
	{CodeAnswerCoding, 502, "the answer's content coding is unknown, or not what it says"},
	{CodeAnswerUnjudged, 0, "in monitor: a rule refuses the request whatever its score, and the rules on answers are not reached"},
}
