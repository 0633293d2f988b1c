package seclang

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/types"
)

// dispatch obeys a directive that isn't Include.
func (r *reader) dispatch(name, opts, text string) error {
	check, known := settings[name]
	if known {
		return r.setting(name, opts, check)
	}
	obey, known := directives[name]
	if !known {
		return fmt.Errorf("unknown directive %q", name)
	}
	if opts == "" {
		return errNoOptions
	}
	return obey(r, opts, text)
}

var errNoOptions = errors.New("expected options")

// directives are those that make, remove or change rules, or change how those
// after them are read. All need options.
var directives = map[string]func(r *reader, opts, text string) error{
	"secrule":                        (*reader).secRule,
	"secaction":                      (*reader).secAction,
	"secmarker":                      (*reader).secMarker,
	"secdefaultaction":               (*reader).secDefaultAction,
	"secdataset":                     (*reader).secDataset,
	"secignorerulecompilationerrors": (*reader).secIgnoreErrors,
	"secruleremovebyid":              (*reader).removeByID,
	"secruleremovebytag":             (*reader).removeByTag,
	"secruleremovebymsg":             (*reader).removeByMessage,
	"secruleupdatetargetbyid":        (*reader).updateTargetByID,
	"secruleupdatetargetbytag":       (*reader).updateTargetByTag,
	"secruleupdateactionbyid":        (*reader).updateActionByID,
	"secremoterules": func(*reader, string, string) error {
		return errors.New("the engine doesn't implement it")
	},
}

// setting notes the value of a directive that has nothing to do with rules.
func (r *reader) setting(name, opts string, check func(string) error) error {
	if check != nil {
		if err := check(opts); err != nil {
			return err
		}
	}
	if name == "secresponsebodymimetypesclear" {
		r.settings["secresponsebodymimetype"] = ""
	}
	r.settings[name] = opts
	return nil
}

// settings are the other directives that Coraza knows, with what it demands of
// their options; nil: nothing, mostly because it ignores the directive.
var settings = map[string]func(opts string) error{
	"seccomponentsignature":         given,
	"secresponsebodyaccess":         onOff,
	"secrequestbodylimit":           integer,
	"secrequestbodyaccess":          onOff,
	"secrequestbodyjsondepthlimit":  positive,
	"secresponsebodyjsondepthlimit": positive,
	"secruleengine": func(s string) error {
		_, err := types.ParseRuleEngineStatus(s)
		return err
	},
	"secwebappid":        given,
	"secserversignature": given,
	"secresponsebodymimetypesclear": func(s string) error {
		if s != "" {
			return errors.New("unexpected options")
		}
		return nil
	},
	"secresponsebodymimetype":     given,
	"secresponsebodylimitaction":  limitAction,
	"secresponsebodylimit":        integer,
	"secrequestbodylimitaction":   limitAction,
	"secrequestbodyinmemorylimit": integer,
	"secremoterulesfailaction":    oneOf("abort", "warn"),
	"secconnwritestatelimit":      nil,
	"secsensorid":                 given,
	"secconnreadstatelimit":       nil,
	"secpcrematchlimitrecursion":  nil,
	"secpcrematchlimit":           nil,
	"sechttpblkey":                nil,
	"secgsblookupdb":              nil,
	"sechashmethodpm":             nil,
	"sechashmethodrx":             nil,
	"sechashparam":                nil,
	"sechashkey":                  nil,
	"sechashengine":               nil,
	"secconnengine":               nil,
	"seccollectiontimeout":        nil,
	"secauditlog":                 given,
	"secauditlogtype":             given,
	"secauditlogformat":           given,
	"secauditlogstoragedir":       given,
	"secauditlogdirmode":          octal,
	"secauditlogfilemode":         octal,
	"secauditlogrelevantstatus":   pattern,
	"secauditlogparts":            auditLogParts,
	"secauditengine":              auditEngine,
	"secdatadir":                  given,
	"secuploadkeepfiles":          keepFiles,
	"secuploadfilemode":           octal,
	"secuploadfilelimit":          integer,
	"secuploaddir":                given,
	"secrequestbodynofileslimit":  integer,
	"secdebuglog":                 given,
	"secdebugloglevel":            logLevel,
	"secargumentslimit":           positive,
	"secrxprefilter":              onOff,
	"secargumentseparator":        nil,
	"seccookieformat":             nil,
	"secruleupdatetargetbymsg":    nil,
	"secrulescript":               nil,
	"secruleperftime":             nil,
	"secunicodemap":               nil,
	"sectmpdir":                   nil,
}

func given(s string) error {
	if s == "" {
		return errNoOptions
	}
	return nil
}

func onOff(s string) error { return oneOf("on", "off")(s) }

func limitAction(s string) error { return oneOf("reject", "processpartial")(s) }

func oneOf(words ...string) func(string) error {
	return func(s string) error {
		for _, w := range words {
			if strings.ToLower(s) == w {
				return nil
			}
		}
		return fmt.Errorf("expected one of %s", strings.Join(words, ", "))
	}
}

func integer(s string) error {
	_, err := strconv.ParseInt(s, 10, 64)
	return err
}

func logLevel(s string) error {
	_, err := strconv.ParseInt(s, 10, 8)
	return err
}

func positive(s string) error {
	n, err := strconv.Atoi(s)
	if err == nil && n <= 0 {
		return errors.New("expected a positive number")
	}
	return err
}

func octal(s string) error {
	_, err := strconv.ParseInt(s, 8, 32)
	return err
}

func pattern(s string) error {
	if s == "" {
		return errNoOptions
	}
	_, err := regexp.Compile(s)
	return err
}

func auditLogParts(s string) error {
	_, err := types.ParseAuditLogParts(s)
	return err
}

func auditEngine(s string) error {
	_, err := types.ParseAuditEngineStatus(s)
	return err
}

func keepFiles(s string) error {
	_, err := types.ParseUploadKeepFilesStatus(s)
	return err
}

func (r *reader) secMarker(opts, _ string) error {
	m := r.newRule("SecMarker " + opts)
	m.marker, m.phase = opts, 0
	return r.add(m)
}

func (r *reader) secDefaultAction(opts, text string) error {
	r.defaults = append(r.defaults, opts)
	r.parsedDefaults = nil
	r.preamble = append(r.preamble, text)
	r.settings["secdefaultaction"] = opts
	return nil
}

// secDataset reads "name `", entries a line each, "`".
func (r *reader) secDataset(opts, text string) error {
	name, data, ok := strings.Cut(opts, " ")
	if !ok {
		return errors.New("expected a name and a block in backticks")
	}
	var entries []string
	for line := range strings.SplitSeq(strings.Trim(data, "`"), "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			entries = append(entries, line)
		}
	}
	r.datasets[name] = entries
	r.preamble = append(r.preamble, text)
	return nil
}

func (r *reader) secIgnoreErrors(opts, _ string) error {
	if err := onOff(opts); err != nil {
		return err
	}
	r.ignoreErrors = strings.ToLower(opts) == "on"
	r.settings["secignorerulecompilationerrors"] = opts
	return nil
}
