package seclang

import "regexp"

// Program is what a set of directives amounts to, once all of them are read.
type Program struct {
	// Rules are the rules in force in the order of their evaluation, with markers,
	// after every SecRuleRemove* and SecRuleUpdate*.
	Rules []Rule
	// Settings holds the last value of every other directive by its name in lower
	// case ("secresponsebodymimetype"), without the quotes around it.
	Settings map[string]string
	// Preamble holds the directives that the texts of rules depend on, one a line:
	// SecDefaultAction and SecDataset, in the order they were read.
	Preamble string

	added []added // what a rule observer of Coraza sees, in order
}

// Rule is a SecRule or a SecAction with all its chained links, or a SecMarker.
type Rule struct {
	// ID is 0 for a marker, and for a rule without one.
	ID int
	// Phase is 1 to 5; 0 for a marker, which counts in every phase.
	Phase int
	// Marker is the label of a SecMarker, else "".
	Marker string
	// Links are the rule and those chained to it: the rule matches if all do, each
	// evaluated only if those before it matched. A SecAction is a link without an
	// Operator. A marker has one link without anything: like a SecAction's, its
	// evaluation sets MATCHED_VAR and MATCHED_VAR_NAME.
	Links []Link
	// Message and Tags are as written, with their macros.
	Message string
	Tags    []string
	// Severity is a word in lower case ("critical"), "" if none is set.
	Severity string
	// File and Line tell where the directive begins; File is "" for the directives
	// given to Read. (Coraza's own line numbers run on from file to file.)
	File string
	Line int
	// Skip and SkipAfter are the flow actions of the first link: the number of
	// rules to skip, the label of the marker to go on after. Links that are chained
	// have no say in either.
	Skip      int
	SkipAfter string
	// Log says whether a match is logged.
	Log bool
	// Disruptive is the disruptive action in force: "deny", "drop", "redirect",
	// "allow", "pass", with SecDefaultAction's in the place of "block". "block" is
	// left where there is no SecDefaultAction for the phase, "" where the rule names
	// none either: in Coraza both do nothing.
	Disruptive string
	// DisruptiveArgument is the URL of redirect, the scope of allow ("phase",
	// "request", "" for everything).
	DisruptiveArgument string
	// Status is that of the action status, 0 if there is none.
	Status int
	// Text is the rule as directives, its chain and the updates that were applied
	// to it included, one a line. After Preamble, texts of several rules together
	// are a file that loads; file names in operators are from the file system's
	// root.
	Text string
	// Opaque says why the fields don't tell all that decides whether this rule
	// matches; "" if they do.
	Opaque string
}

// Link is one condition of a rule.
type Link struct {
	Targets []Target
	// Operator is nil if the link always matches.
	Operator *Operator
	// Transforms are the names of transformations in lower case, in order, those
	// before the last t:none left out.
	Transforms []string
	// MultiMatch asks the operator about the value before and after each
	// transformation that changed it (which some claim that didn't).
	MultiMatch bool
	// Capture stores what the operator captured in TX:0 to TX:9.
	Capture bool
	// Actions are those that have an effect beyond logging, in order: setvar, ctl,
	// setenv, initcol, expirevar, exec (the last three have none in Coraza). They run
	// once for each value that matches, even if a later link doesn't.
	Actions []Action
}

// Action is a non-disruptive action.
type Action struct {
	Name  string // lower case
	Value string // as written, without quotes
}

// Target selects the values that a link looks at.
type Target struct {
	// Variable is Coraza's name in upper case: "ARGS", "REQUEST_HEADERS", "TX".
	Variable string
	// Key selects the values with this key, "" all of them. It is in lower case, as
	// are the keys of Coraza's collections. The exceptions are ARGS_NAMES,
	// ARGS_GET_NAMES and ARGS_POST_NAMES, where it is as written, and selects
	// nothing if that isn't lower case.
	Key string
	// KeyRegexp selects by pattern, matched against the key in lower case. If it
	// isn't nil, Key is "".
	KeyRegexp *regexp.Regexp
	// Count makes the target one value, the number of those selected; there is one
	// even if it is "0".
	Count bool
	// CountKey is the key of that one value, as MATCHED_VAR_NAME shows it: the
	// selector as Coraza keeps it, patterns with their slashes.
	CountKey string
	// Except takes values out of the selection, before they are counted.
	Except []Selector
}

// Selector names keys of a collection. Without Key and Regexp it means all.
type Selector struct {
	Key    string         // compared with the key in lower case
	Regexp *regexp.Regexp // matched against the key in lower case
}

// Operator is the test of a link.
type Operator struct {
	// Name is in lower case, with short forms resolved: "rx", "pm", "pmfromfile".
	Name string
	// Argument is as written, after the unescaping of quotes. beginswith, contains,
	// endswith, eq, ge, gt, le, lt, streq, strmatch and within expand macros in it
	// each time; a macro of an unknown key stands for its own text without "%{" and
	// "}".
	Argument string
	// Negated turns the answer round for each value.
	Negated bool
	// Phrases are what Coraza looks for: for pm, pmfromfile and pmfromdataset the
	// phrases (compared without regard to ASCII case, and in lower case here), for
	// ipmatch, ipmatchfromfile and ipmatchfromdataset the addresses and networks
	// (entries that are neither are ignored).
	Phrases []string
}
