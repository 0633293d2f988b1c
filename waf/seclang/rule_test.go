package seclang_test

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestSame gives each case, alone, to both readers; a name says what is tried.
func TestSame(t *testing.T) {
	fsys := fstest.MapFS{}
	for name, data := range map[string]string{
		"dir/a.conf":     "SecRule ARGS \"@rx foo\" \"id:11,phase:2,log\"\nInclude b.conf\nSecAction \"id:12\"",
		"dir/b.conf":     "\n\nSecRule ARGS \"@pmFromFile b.data\" \"id:21\"",
		"dir/b.data":     "# words\n foo \n\nBAR\n",
		"dir/glob.conf":  "Include dir/sub/*.conf\n",
		"dir/sub/2.conf": "SecAction \"id:2\"",
		"dir/sub/1.conf": "SecAction \"id:1\"",
		"b.data":         "nothing",
		"ip.data":        "192.0.2.7\n10.0.0.0/8",
		"crlf.conf":      "SecRule ARGS \\\r\n \"@rx foo\" \\\r\n \"id:11\"\r\n",
		"schema.json":    "{}",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	for name, directives := range map[string][]string{
		"lines": {
			"SecRule ARGS \\\n   \"@rx f\\\noo\" \\\n\"id:1,\\\n  phase:2\"",
			"SecRule ARGS \\\n# a comment\n\n  \"@rx foo\" \"id:1\"",
			"# SecRule ARGS \\\nSecAction \"id:1\"",
			"  \tSecAction   \"id:1\"  ",
			"SecAction\t\"id:1\"",
			"secACTION \"id:1\"",
			"SecAction id:1",
			"SecAction 'id:1'",
			"SecAction \"id:1",
			"SecAction",
			"SecAction \"\"",
			"SecAction \"id:1\"\n\nSecMarker A\nSecMarker \"B\"\nSecMarker 'C'\nSecMarker",
			"SecMarker B C",
			"NoSuchDirective On",
			"`\nSecAction \"id:1\"\n`",
			"SecDataset a `\nfoo\n",
			"SecRule \"ARGS\" \"@rx foo\" \"id:1\"",
			"SecRule 'ARGS' \"@rx foo\" \"id:1\"",
			"SecRule ARGS @rx \"id:1\"",
			"SecRule ARGS \"@rx foo",
			"SecRule ARGS",
			"SecRule ARGS \"@rx foo\" id:1",
			"SecRule ARGS \"@rx foo\"",
			"SecRule ARGS \"@rx foo\" \"\"",
			"SecRule ARGS \"@rx foo\"\"id:1\"",
			"SecRule ARGS  \"foo\"   \"id:1,msg:'it is'\"",
			`SecRule ARGS "@rx f\"oo" "id:1"`,
			`SecRule ARGS "@rx f\\" "id:1"`,
			`SecRule ARGS "@rx \d\\\"?" "id:1"`,
			`SecRule ARGS "@rx f\/?oo" "id:1"`,
		},
		"include": {
			"Include dir/a.conf\nSecAction \"id:5\"",
			"Include \"dir/a.conf\"",
			"include dir/a.conf\nSecRule ARGS \"@pmFromFile b.data\" \"id:5\"",
			"Include dir/glob.conf", "Include dir/sub/*.conf", "Include dir/*/2.conf", "Include no/such*.conf",
			"Include no.conf", "Include /dir/a.conf", "Include dir/[*.conf", "Include", "Include crlf.conf",
			"Include dir/a.conf\nInclude dir/a.conf",
			strings.Repeat("Include dir/empty*.conf\n", 100), strings.Repeat("Include dir/empty*.conf\n", 101),
			"SecRule ARGS \"@pmFromFile dir/b.data\" \"id:1\"", "SecRule ARGS \"@pmf dir/b.data\" \"id:1\"",
			"SecRule ARGS \"@pmFromFile no.data\" \"id:1\"", "SecRule ARGS \"@pmFromFile /b.data\" \"id:1\"",
			"SecRule REMOTE_ADDR \"@ipMatchFromFile ip.data\" \"id:1\"", "SecRule REMOTE_ADDR \"@ipMatchF ip.data\" \"id:1\"",
			"SecRule ARGS \"@validateSchema no.json\" \"id:1,phase:3\"", "SecRule ARGS \"@validateSchema schema.json\" \"id:1,phase:3\"",
			"SecRule ARGS \"@validateSchema schema.xsd\" \"id:1,phase:3\"",
		},
		"targets": {
			rules("ARGS", "ARGS_GET", "args", "ARGS|ARGS", "ARGS_NAMES", "REQUEST_HEADERS", "REQUEST_HEADERS_NAMES", "REQUEST_COOKIES|REQUEST_COOKIES_NAMES"),
			rules("ARGS:b", "ARGS:B", "ARGS_NAMES:b", "ARGS_NAMES:B", "ARGS_GET_NAMES:B", "REQUEST_HEADERS:X-Foo", "REQUEST_HEADERS_NAMES:X-FOO", "REQUEST_COOKIES:SID"),
			rules("&ARGS", "&ARGS:b", "&ARGS:none", "&REQUEST_HEADERS:/^x-/", "!ARGS:b|&ARGS", "&ARGS|!ARGS:b", "!&ARGS|ARGS", "&!ARGS:b|ARGS", "AR&GS"),
			rules("ARGS|!ARGS:b", "ARGS|!ARGS:B", "ARGS|!ARGS", "ARGS|!ARGS:/^[bd]/", "ARGS|!ARGS:/^B/", "ARGS|REQUEST_HEADERS|!REQUEST_HEADERS:/^X/|!ARGS:a",
				"!ARGS:b|ARGS", "ARGS:b|!ARGS:b", "ARGS|!ARGS_GET:b", "ARGS|!ARGS:none"),
			rules("ARGS:/^b$/", "ARGS:/^B$/", "REQUEST_HEADERS:/^X-FOO$/", "REQUEST_HEADERS:/^\\S/", "ARGS:/^(a|b)$/|REQUEST_METHOD", "ARGS:'/^(a|b)$/'|REQUEST_METHOD",
				"ARGS:'/b/'", "ARGS:/b", "ARGS:/b/xREQUEST_METHOD", "ARGS:/b\\/", "ARGS:/b\\//", "ARGS:d.e/", "ARGS:d/e/", "ARGS:/", "ARGS://"),
			rules("REQUEST_METHOD", "REQUEST_URI", "REQUEST_URI|!REQUEST_URI", "&REQUEST_URI", "QUERY_STRING|ARGS:a", "REMOTE_ADDR", "TX", "TX:0", "&TX:1", "TX:/[0-3]/", "UNIQUE_ID|!UNIQUE_ID"),
			rules("ARGS|", "XML:/*", "JSON", "REQUEST_XML", "XML://@*", "JSON:foo", "&XML:/*|ARGS:a", "XML:/a/|ARGS:a", "xml:/x/", "&XML://a[b|c]|ARGS:a"),
			"SecRule NOPE \"@rx a\" \"id:1\"", "SecRule |ARGS \"@rx a\" \"id:1\"", "SecRule ARGS: \"@rx a\" \"id:1\"", "SecRule REQUEST_URI:x \"@rx a\" \"id:1\"",
			"SecRule ARGS:'b' \"@rx a\" \"id:1\"", "SecRule ARGS:'b|ARGS \"@rx a\" \"id:1\"", "SecRule ARGS:/(/ \"@rx a\" \"id:1\"", "SecRule ARGS|!REQUEST_URI:x \"@rx a\" \"id:1\"",
			"SecRule ARGS:'/b/|ARGS:c \"@rx a\" \"id:1\"", "SecRule ARGS|!NOPE \"@rx a\" \"id:1\"", "SecRule ARGS:it's \"@rx a\" \"id:1\"", "SecRule ! \"@rx a\" \"id:1\"",
			"SecRule REQUEST_URI:/x/ \"@rx a\" \"id:1\"",
		},
		"operators": {
			operators("foo", "!foo", "@rx foo", "!@rx foo", "@rx  foo ", "@rx", "!@rx", "!", "^(?i)FOO$", "@streq foo", "!@streq foo", "@contains o", "@strmatch o",
				"@beginsWith f", "@endsWith o", "@within foobar", "@pm FOO baz", "@pm x y", "@eq 1", "@ge 1", "@gt 1", "@le 1", "@lt 1", "@eq a", "@unconditionalMatch",
				"@noMatch", "@unconditionalMatch whatever", "@contains %{tx.0}", "@streq %{tx.none}", "@within tx.none", "@rx %{tx.0}"),
			"SecRule ARGS \"@RX foo\" \"id:1\"", "SecRule ARGS \"@nope foo\" \"id:1\"", "SecRule ARGS \"@rx (\" \"id:1\"", "SecRule ARGS \"@rx \\xff(\" \"id:1\"",
			"SecRule ARGS \"@streq\" \"id:1\"", "SecRule ARGS \"@streq %{tx.a\" \"id:1\"", "SecRule ARGS \"@streq %{nope.a}\" \"id:1\"", "SecRule ARGS \"@streq %{tx.}\" \"id:1\"",
			"SecRule ARGS \"@\" \"id:1\"", "SecRule ARGS \"!@\" \"id:1\"", "SecRule ARGS \"@ rx\" \"id:1\"", "SecRule ARGS \"!@ rx\" \"id:1\"", "SecRule ARGS \"@@rx a\" \"id:1\"",
			"SecRule ARGS \"@validateByteRange 1-255\" \"id:1,phase:3\"", "SecRule ARGS \"@validateByteRange 1-256\" \"id:1,phase:3\"", "SecRule ARGS \"@validateByteRange\" \"id:1,phase:3\"",
			"SecRule ARGS \"@validateByteRange 9,10,x\" \"id:1,phase:3\"", "SecRule ARGS \"@validateByteRange 5-2\" \"id:1,phase:3\"", "SecRule ARGS \"@validateByteRange -5\" \"id:1,phase:3\"",
			"SecRule ARGS \"@validateNid cl \\d+\" \"id:1,phase:3\"", "SecRule ARGS \"@validateNid cl\" \"id:1,phase:3\"", "SecRule ARGS \"@validateNid xx \\d\" \"id:1,phase:3\"",
			"SecRule ARGS \"@restpath /a/{id}\" \"id:1,phase:3\"", "SecRule ARGS \"@restpath /a/{(}\" \"id:1,phase:3\"", "SecRule ARGS \"@geoLookup\" \"id:1,phase:3\"",
			"SecRule ARGS \"@rbl example.org\" \"id:1,phase:3\"", "SecRule ARGS \"@inspectFile x\" \"id:1,phase:3\"", "SecRule ARGS \"@detectSQLi\" \"id:1,phase:3\"",
			"SecRule ARGS \"@detectXSS\" \"id:1,phase:3\"", "SecRule ARGS \"@validateUrlEncoding\" \"id:1,phase:3\"", "SecRule ARGS \"@validateUtf8Encoding\" \"id:1,phase:3\"",
			"SecRule REMOTE_ADDR \"@ipMatch 192.0.2.7,::1, nonsense\" \"id:1\"", "SecRule REMOTE_ADDR \"!@ipMatch 192.0.2.7\" \"id:1\"",
			"SecDataset animals `\nFoo\n# no\n\n  bar \n`\nSecRule ARGS \"@pmFromDataset animals\" \"id:1\"", "SecRule ARGS \"@pmFromDataset nothing\" \"id:1\"",
			"SecDataset addresses `\n192.0.2.7\n`\nSecRule REMOTE_ADDR \"@ipMatchFromDataset addresses\" \"id:1\"", "SecDataset empty `\n`\nSecRule REMOTE_ADDR \"@ipMatchFromDataset empty\" \"id:1\"",
			"SecRule REMOTE_ADDR \"@ipMatchFromDataset nothing\" \"id:1\"", "SecDataset x", "SecDataset x y", "SecDataset x `\na\n` trailing\nSecAction \"id:1\"",
		},
		"actions": {
			actions("phase:1", "phase:request", "phase:logging", "phase:'2'", "PHASE:1", " phase : 1 ", "log", "nolog", "log,nolog", "auditlog", "noauditlog,log",
				"msg:'a, b: c',tag:x", "msg:\"q\"", "msg:'%{tx.1}'", "tag:a,tag:b,severity:2,rev:1,ver:'x',maturity:1,accuracy:9", "severity:CRITICAL", "severity:'debug'",
				"pass", "block", "t:lowercase", "t:lowercase,t:none,t:trim", "t:TRIM,t:LowerCase", "t:trim,t:None", "multiMatch,t:lowercase,t:trim", "capture",
				"logdata:'%{MATCHED_VAR}'", "expirevar:x", "exec", "initcol:ip=%{REMOTE_ADDR}", "setvar:tx.x=1", "setvar:'TX.y=+1'", "setvar:tx.y=-1,setvar:'!tx.x=0'",
				"msg:'it\\'s, here'", "msg:a\\,tag:b", "skip:1", "status:401"),
			"SecAction \"id:1,msg:'unclosed, tag:x\"", "SecAction \"id:1,setvar:tx.a=5\"\nSecRule TX:a \"@eq 5\" \"id:2\"", "SecAction \"id:1,setvar:tx.a=%{tx.0}x\"\nSecRule TX:a \"@streq x\" \"id:2\"",
			"SecRule ARGS:b \"@rx (o)(o)\" \"id:1,capture\"\nSecRule TX:1|TX:2|TX:0 \"@rx o\" \"id:2\"", "SecRule ARGS:b \"@rx (o)(o)\" \"id:1\"\nSecRule TX:1 \"@rx o\" \"id:2\"",
			"SecRule ARGS \"@rx foo\" \"id:1,setvar:tx.n=+1\"\nSecRule TX:n \"@eq 1\" \"id:2\"", "SecAction \"id:1,ctl:ruleRemoveById=2\"\nSecAction \"id:2\"\nSecAction \"id:3\"",
			"SecAction \"id:1,ctl:ruleRemoveById=2-3\"\nSecAction \"id:2\"\nSecAction \"id:3\"", "SecAction \"id:1,ctl:ruleRemoveByTag=x\"\nSecAction \"id:2,tag:x\"\nSecAction \"id:3,tag:xy\"",
			"SecAction \"id:1,ctl:ruleRemoveByMsg=x\"\nSecAction \"id:2,msg:x\"\nSecAction \"id:3\"",
			"SecAction \"id:1,ctl:ruleRemoveTargetById=2;ARGS:B\"\nSecRule ARGS \"@rx .\" \"id:2\"", "SecAction \"id:1,ctl:ruleRemoveTargetById=2; ARGS : b \"\nSecRule ARGS \"@rx .\" \"id:2\"",
			"SecAction \"id:1,ctl:ruleRemoveTargetByTag=x;ARGS:/^[BD]/\"\nSecRule ARGS|ARGS_NAMES \"@rx .\" \"id:2,tag:x\"", "SecAction \"id:1,ctl:ruleRemoveTargetById=1-9;ARGS\"\nSecRule ARGS|ARGS_NAMES \"@rx .\" \"id:2\"",
			"SecAction \"id:1,ctl:ruleRemoveTargetByMsg=m;nope\"\nSecRule ARGS \"@rx .\" \"id:2,msg:m\"", "SecAction \"id:1,ctl:ruleRemoveTargetById=2;ARGS:/[/\"", "SecAction \"id:1,ctl:ruleRemoveTargetById=2;ARGS://\"",
			"SecAction \"id:1,ctl:nope=1\"", "SecAction \"id:1,ctl:ruleEngine\"", "SecAction \"id:1,ctl:RuleEngine=Off\"", "SecAction \"id:1,ctl:auditLogParts=+E\"",
			"SecAction \"id:1,ctl:hashEngine=x,ctl:hashEnforcement=x,ctl:debugLogLevel=x,ctl:forceRequestBodyVariable=x,ctl:responseBodyProcessor=XML\"",
		},
		"broken actions": {
			"SecAction \"id:1,nope\"", "SecAction \"id:1,\"", "SecAction \",id:1\"", "SecAction \"id:1,append:x\"", "SecAction \"id:1,sanitiseArg:x\"", "SecAction \"id:0\"", "SecAction \"id:-1\"",
			"SecAction \"id:x\"", "SecAction \"id\"", "SecAction \"id:1,phase:6\"", "SecAction \"id:1,phase:0\"", "SecAction \"id:1,phase\"", "SecAction \"id:1,phase:Request\"", "SecAction \"id:1,log:x\"",
			"SecAction \"id:1,msg\"", "SecAction \"id:1,msg:'%{tx.a'\"", "SecAction \"id:1,tag\"", "SecAction \"id:1,severity:8\"", "SecAction \"id:1,severity:x\"", "SecAction \"id:1,maturity:10\"",
			"SecAction \"id:1,accuracy:0\"", "SecAction \"id:1,rev\"", "SecAction \"id:1,ver\"", "SecAction \"id:1,t:nope\"", "SecAction \"id:1,t\"", "SecAction \"id:1,status\"", "SecAction \"id:1,status:x\"",
			"SecAction \"id:1,skip:0\"", "SecAction \"id:1,skip\"", "SecAction \"id:1,skipAfter\"", "SecAction \"id:1,chain:1\"", "SecAction \"id:1,capture:1\"", "SecAction \"id:1,multiMatch:x\"",
			"SecAction \"id:1,deny:1\"", "SecAction \"id:1,allow:x\"", "SecAction \"id:1,allow:Phase\"", "SecAction \"id:1,redirect\"", "SecAction \"id:1,block:x\"", "SecAction \"id:1,exec:/bin/x\"",
			"SecAction \"id:1,initcol:x\"", "SecAction \"id:1,setenv:x\"", "SecAction \"id:1,setenv:x=\"", "SecAction \"id:1,setvar\"", "SecAction \"id:1,setvar:x=1\"", "SecAction \"id:1,setvar:tx.=1\"",
			"SecAction \"id:1,setvar:tx.a=\"", "SecAction \"id:1,setvar:ip.a=1\"", "SecAction \"id:1,setvar:tx.a=%{nope}\"", "SecAction \"id:1,logdata\"", "SecAction \"id:1,allow\"\nSecAction \"id:1\"",
			"SecAction \"pass\"\nSecAction \"pass\"", "SecAction \"id:1,setvar:tx=1\"", "SecAction \"id:1,auditlog:x\"", "SecAction \"id:1,drop:x\"", "SecAction \"id:1,pass:x\"", "SecAction \"id:1,nolog:x\"",
		},
		"flow": {
			"SecAction \"id:1,skip:2\"\nSecAction \"id:2\"\nSecAction \"id:3\"\nSecAction \"id:4\"", "SecAction \"id:1,skip:1,phase:1\"\nSecAction \"id:2\"\nSecAction \"id:3,phase:1\"\nSecAction \"id:4,phase:1\"",
			"SecAction \"id:1,skipAfter:END\"\nSecAction \"id:2\"\nSecMarker END\nSecAction \"id:3\"", "SecAction \"id:1,skipAfter:'END'\"\nSecAction \"id:2\"\nSecMarker \"END\"\nSecAction \"id:3\"",
			"SecAction \"id:1,skipAfter:NOWHERE,phase:1\"\nSecAction \"id:2,phase:2\"", "SecAction \"id:1,skipAfter:A,skipAfter:B\"\nSecMarker A\nSecAction \"id:2\"\nSecMarker B\nSecAction \"id:3\"",
			"SecRuleEngine On\nSecAction \"id:1,deny\"\nSecAction \"id:2\"", "SecRuleEngine On\nSecAction \"id:1,deny,status:418,phase:1\"\nSecAction \"id:2,phase:5\"", "SecRuleEngine On\nSecAction \"id:1,deny,pass\"",
			"SecRuleEngine On\nSecAction \"id:1,pass,nolog,drop\"", "SecRuleEngine On\nSecAction \"id:1,redirect:'https://example.org/,x',status:307\"", "SecRuleEngine On\nSecAction \"id:1,redirect:/x,status:404\"",
			"SecRuleEngine On\nSecAction \"id:1,allow,phase:1\"\nSecAction \"id:2\"\nSecAction \"id:3,phase:5\"", "SecRuleEngine On\nSecAction \"id:1,allow:phase,phase:1\"\nSecAction \"id:2,phase:1\"\nSecAction \"id:3\"",
			"SecRuleEngine On\nSecAction \"id:1,allow:request,phase:1\"\nSecAction \"id:2\"\nSecAction \"id:3,phase:5\"", "SecRuleEngine On\nSecAction \"id:1,block\"", "SecRuleEngine On\nSecAction \"id:1,block,phase:1\"",
		},
		"chains": {
			"SecRule ARGS:b \"foo\" \"id:1,chain\"\nSecRule ARGS:a \"1\" \"t:none\"\nSecAction \"id:2\"", "SecRule ARGS:b \"foo\" \"id:1,chain\"\nSecRule ARGS:a \"2\"\nSecAction \"id:2\"",
			"SecRule ARGS:b \"foo\" \"id:1,chain,setvar:tx.x=1\"\nSecRule ARGS:a \"2\" \"setvar:tx.y=1\"\nSecRule TX:x|TX:y \"1\" \"id:2\"", "SecRule ARGS \"foo\" \"id:1,chain\"\nSecRule ARGS \"1\" \"chain\"\nSecRule ARGS \"Bar\"\nSecAction \"id:2\"",
			"SecRule ARGS \"foo\" \"id:1,chain\"", "SecRule ARGS \"foo\" \"id:1,chain\"\nSecMarker X\nSecRule ARGS \"none\" \"id:2\"", "SecRule ARGS \"foo\" \"id:1,chain\"\nSecAction \"setvar:tx.a=1\"\nSecRule TX:a \"1\" \"id:2\"",
			"SecAction \"id:1,chain\"\nSecRule ARGS \"none\" \"t:none\"\nSecAction \"id:2\"", "SecRule ARGS \"foo\" \"id:1,chain\"\nSecRule ARGS \"1\" \"deny\"", "SecRule ARGS \"foo\" \"id:1,chain\"\nSecRule ARGS \"1\" \"block\"",
			"SecRuleEngine On\nSecRule ARGS \"foo\" \"id:1,phase:1,chain,deny\"\nSecRule ARGS \"1\" \"phase:2\"", "SecRule ARGS \"foo\" \"id:1,chain,skip:1\"\nSecRule ARGS \"1\" \"skip:2\"\nSecAction \"id:2\"\nSecAction \"id:3\"",
			"SecRule ARGS \"foo\" \"id:1,chain\"\nSecRule ARGS \"1\" \"tag:x,msg:y,severity:1\"", "SecRule ARGS \"foo\" \"id:1,chain\"\nSecRuleRemoveById 1\nSecRule ARGS \"1\" \"id:2\"",
			"SecAction \"id:7,ctl:ruleRemoveTargetById=1;ARGS:a\"\nSecRule ARGS \"foo\" \"id:1,chain\"\nSecRule ARGS \"1\"", "SecRule ARGS \"foo\" \"id:1,chain\"\nSecRule ARGS \"(\"\nSecAction \"id:2\"",
		},
		"default actions": {
			"SecDefaultAction \"phase:2,deny,log,status:418\"\nSecRuleEngine On\nSecRule ARGS foo \"id:1\"\nSecRule ARGS \"foo\" \"id:1\"", "SecDefaultAction \"phase:2,deny,nolog,status:418\"\nSecRuleEngine On\nSecRule ARGS \"foo\" \"id:1,block\"",
			"SecDefaultAction \"phase:2,deny,nolog\"\nSecRuleEngine On\nSecRule ARGS \"foo\" \"id:1,pass,log\"", "SecDefaultAction \"phase:1,deny,log\"\nSecRuleEngine On\nSecRule ARGS \"foo\" \"id:1,block\"",
			"SecDefaultAction \"phase:1,deny,log\"\nSecRuleEngine On\nSecRule ARGS \"foo\" \"id:1,block,phase:1\"", "SecDefaultAction \"phase:2,deny\"\nSecRuleEngine On\nSecRule ARGS \"foo\"\nSecAction \"id:3\"",
			"SecDefaultAction \"phase:2,pass\"\nSecDefaultAction \"phase:2,deny\"", "SecDefaultAction \"phase:2,pass\"\nSecDefaultAction \"phase:2,deny\"\nSecAction \"id:1\"", "SecDefaultAction \"deny\"\nSecAction \"id:1\"",
			"SecDefaultAction \"phase:2,log\"\nSecAction \"id:1\"", "SecDefaultAction \"phase:2,pass,t:lowercase\"\nSecAction \"id:1\"", "SecDefaultAction \"phase:2,pass,msg:x\"\nSecAction \"id:1\"", "SecDefaultAction \"phase:2,nope\"",
			"SecDefaultAction \"phase:2,pass,setvar:tx.n=+1\"\nSecAction \"id:1\"\nSecRule ARGS \"foo\" \"id:2,chain\"\nSecRule ARGS \"1\" \"t:none\"\nSecRule TX:n \"@eq 4\" \"id:3\"", "SecDefaultAction \"phase:2,pass,capture,multiMatch\"\nSecRule ARGS:c \"x(.)\" \"id:1,t:lowercase\"\nSecRule TX:1 \"Y\" \"id:2\"",
			"SecDefaultAction \"phase:1,pass,chain,log\"\nSecAction \"id:1,phase:1\"\nSecRule ARGS \"foo\" \"log\"\nSecAction \"id:2\"", "SecAction \"id:1,block\"\nSecRuleEngine On\nSecDefaultAction \"phase:2,deny\"\nSecAction \"id:2,block\"", "SecDefaultAction",
			"SecDefaultAction \"phase:2,pass,skip:1\"\nSecAction \"id:1\"\nSecAction \"id:2\"\nSecAction \"id:3,skip:2\"", "SecDefaultAction \"phase:9,pass\"\nSecAction \"id:1\"", "SecDefaultAction 'phase:2,pass'\nSecAction \"id:1\"",
		},
		"removals": {
			after("SecRuleRemoveById 2"), after("SecRuleRemoveById 2 3"), after("SecRuleRemoveById \"2 3\""), after("SecRuleRemoveById 2-3 9"), after("SecRuleRemoveById 2,3"), after("SecRuleRemoveById"), after("SecRuleRemoveById x"),
			after("SecRuleRemoveById 3-2"), after("SecRuleRemoveById -3"), after("SecRuleRemoveById 2-x"), after("SecRuleRemoveById 0"), after("SecRuleRemoveById 0-2"), after("SecRuleRemoveById 99"), "SecRuleRemoveById 1\n" + after(""),
			after("SecRuleRemoveById '2'"), after("SecRuleRemoveByTag x"), after("SecRuleRemoveByTag \"attack/sql i\""), after("SecRuleRemoveByTag X"), after("SecRuleRemoveByTag none"), after("SecRuleRemoveByTag"), after("SecRuleRemoveByMsg one"),
			"SecAction \"id:1,msg:'one two'\"\nSecAction \"id:2,msg:two\"\nSecRuleRemoveByMsg \"one two\"\nSecAction \"id:1\"", "SecRuleRemoveByMsg x", after("SecRuleRemoveByMsg"), after("SecRuleRemoveById 1-9\nSecAction \"id:1\""),
		},
		"updates": {
			after("SecRuleUpdateTargetById 2 \"!ARGS:b\""), after("SecRuleUpdateTargetById 2 !ARGS:b"), after("SecRuleUpdateTargetById 2 \"!ARGS:/^[bc]/|REQUEST_METHOD|REQUEST_URI\""), after("SecRuleUpdateTargetById 2 3 \"!ARGS:b\""),
			after("SecRuleUpdateTargetById 2-4 \"!ARGS:b\""), after("SecRuleUpdateTargetById 2-2 \"!ARGS:b\""), after("SecRuleUpdateTargetById 2-3 4 \"!ARGS:b\""), after("SecRuleUpdateTargetById 99 \"!ARGS:b\""), after("SecRuleUpdateTargetById 90-99 \"!ARGS:b\""),
			after("SecRuleUpdateTargetById 2 \"!ARGS:b,!ARGS:c\""), after("SecRuleUpdateTargetById 2 \"!NOPE\""), after("SecRuleUpdateTargetById 2"), after("SecRuleUpdateTargetById \"2 !ARGS:b\""), after("SecRuleUpdateTargetById 4 \"!ARGS\""), after("SecRuleUpdateTargetById 4 \"!ARGS:a\""),
			after("SecRuleUpdateTargetById 1 \"ARGS\""), after("SecRuleUpdateTargetById 0 \"ARGS\""), after("SecRuleUpdateTargetById 0-9 \"!ARGS:a\""), after("SecRuleUpdateTargetById -2 \"!ARGS:a\""), after("SecRuleUpdateTargetById 3-2 \"!ARGS:a\""), after("SecRuleUpdateTargetById x \"!ARGS\""),
			after("SecRuleUpdateTargetById 2 \"\""), after("SecRuleUpdateTargetById 2 '!ARGS:b'"), after("SecRuleUpdateTargetByTag x \"!ARGS:b\""), after("SecRuleUpdateTargetByTag \"x\" \"!ARGS:b|ARGS_NAMES\""), after("SecRuleUpdateTargetByTag x"), after("SecRuleUpdateTargetByTag none \"!NOPE\""),
			after("SecRuleUpdateTargetByTag x \"!NOPE\""), after("SecRuleUpdateTargetByTag"), after("SecRuleUpdateTargetByMsg one \"!ARGS:b\""), "SecRuleUpdateTargetById 2 \"!ARGS:b\"\n" + after(""),
			after("SecRuleUpdateActionById 2 \"deny\""), after("SecRuleUpdateActionById 2 deny,status:410"), after("SecRuleUpdateActionById 5 \"pass\""), after("SecRuleUpdateActionById 5 \"log,status:444\""), after("SecRuleUpdateActionById 5 \"block\""), after("SecRuleUpdateActionById 2 3 \"nolog\""),
			after("SecRuleUpdateActionById 2-5 \"nolog,drop\""), after("SecRuleUpdateActionById 2 \"t:none\""), after("SecRuleUpdateActionById 2 \"t:lowercase\""), after("SecRuleUpdateActionById 3 \"t:none,t:trim,severity:1,tag:new,msg:new\""), after("SecRuleUpdateActionById 2 \"id:22\"\nSecRuleUpdateActionById 22 \"deny\""),
			after("SecRuleUpdateActionById 2 \"phase:1\""), after("SecRuleUpdateActionById 2 \"phase:5,skip:1\""), after("SecRuleUpdateActionById 99 \"deny\""), after("SecRuleUpdateActionById 90-99 \"deny\""), after("SecRuleUpdateActionById 90-99 \"nope\""), after("SecRuleUpdateActionById 2 \"nope\""),
			after("SecRuleUpdateActionById 2"), after("SecRuleUpdateActionById x \"deny\""), after("SecRuleUpdateActionById 3-2 \"deny\""), after("SecRuleUpdateActionById -2 \"deny\""), after("SecRuleUpdateActionById 2-x \"deny\""), after("SecRuleUpdateActionById 2 \"\""), after("SecRuleUpdateActionById 1-1 \"deny\""),
			after("SecRuleUpdateActionById 2 \"msg:'a b'\""), after("SecRuleUpdateActionById 6 \"chain\"\nSecRule ARGS \"none\""), after("SecRuleUpdateActionById 2 \"setvar:tx.n=+1\"\nSecRule TX:n \"@ge 1\" \"id:30\""), after("SecRuleUpdateActionById 0-1 \"deny\""),
		},
		"errors ignored": {
			"SecIgnoreRuleCompilationErrors On\nSecRule NOPE \"a\" \"id:1\"\nSecRule ARGS \"foo\" \"id:2\"", "SecIgnoreRuleCompilationErrors On\nSecRule ARGS \"foo\" \"id:2\"\nSecRule ARGS \"foo\" \"id:2\"", "SecIgnoreRuleCompilationErrors On\nSecAction \"nope\"",
			"SecIgnoreRuleCompilationErrors On\nSecRule NOPE \"a\" \"id:1\"\nSecIgnoreRuleCompilationErrors Off\nSecRule NOPE \"a\" \"id:1\"", "SecIgnoreRuleCompilationErrors maybe", "SecIgnoreRuleCompilationErrors", "SecIgnoreRuleCompilationErrors On\nSecRule",
			"SecIgnoreRuleCompilationErrors On\nSecRule ARGS \"foo\" \"id:1,chain\"\nSecRule ARGS \"(\"\nSecRule ARGS \"1\"\nSecAction \"id:3\"", "SecIgnoreRuleCompilationErrors On\nSecRule ARGS \"foo\" \"id:1,chain\"\nSecRule ARGS \"1\" \"deny\"\nSecAction \"id:3\"",
			"SecIgnoreRuleCompilationErrors On\nSecRule ARGS \"foo\" \"id:1,chain\"\nSecRule NOPE \"x\" \"chain\"\nSecRule ARGS \"1\" \"id:4\"\nSecAction \"id:3\"",
		},
		"settings": {
			"SecRuleEngine DetectionOnly\nSecAction \"id:1,deny\"\nSecAction \"id:2\"", "SecRuleEngine Perhaps", "SecRuleEngine", "SecRequestBodyAccess On\nSecRequestBodyAccess off", "SecRequestBodyAccess 1", "SecRequestBodyLimit 100000000", "SecRequestBodyLimit x",
			"SecRequestBodyLimitAction Reject", "SecRequestBodyLimitAction x", "SecResponseBodyMimeType text/plain text/html\nSecResponseBodyMimeTypesClear", "SecResponseBodyMimeTypesClear x", "SecResponseBodyMimeType", "SecArgumentsLimit 100", "SecArgumentsLimit 0", "SecArgumentsLimit",
			"SecRequestBodyJsonDepthLimit 10", "SecRequestBodyJsonDepthLimit -1", "SecAuditLogParts ABZ", "SecAuditLogParts B", "SecAuditEngine RelevantOnly", "SecAuditEngine x", "SecAuditLogRelevantStatus \"^5\"", "SecAuditLogRelevantStatus (", "SecRemoteRules x y", "SecRemoteRulesFailAction warn",
			"SecRemoteRulesFailAction x", "SecUnicodeMap x", "SecUnicodeMap", "SecCookieFormat 0", "SecTmpDir", "SecComponentSignature", "SecComponentSignature \"OWASP\"", "SecDebugLogLevel x", "SecDebugLogLevel 3", "SecRuleScript x.lua", "SecCollectionTimeout 600", "SecUploadKeepFiles x", "SecUploadFileMode 9",
			"SecUploadFileLimit x", "SecRxPreFilter Off", "SecRxPreFilter x", "SecAuditLogDirMode 0600", "SecAuditLogFileMode 9", "SecSensorId", "SecWebAppId x", "SecServerSignature \"x\"", "SecPcreMatchLimit 5", "SecHashMethodPm x", "SecConnEngine On", "SecDataDir /x", "SecRequestBodyNoFilesLimit x", "SecResponseBodyLimit x",
			"SecRequestBodyInMemoryLimit x", "SecResponseBodyLimitAction x", "SecResponseBodyJsonDepthLimit x", "SecResponseBodyAccess x", "SecHttpBlKey x", "SecGsbLookupDb x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range directives {
				t.Run("", func(t *testing.T) { same(t, fsys, text) })
			}
		})
	}
}

// rules makes a rule of each list of targets, so that the matched values show
// which ones it has.
func rules(targets ...string) string {
	var b strings.Builder
	for i, list := range targets {
		b.WriteString("SecRule " + list + " \"@rx .\" \"id:" + string(rune('1'+i/10)) + string(rune('0'+i%10)) + "\"\n")
	}
	return b.String()
}

func operators(list ...string) string {
	var b strings.Builder
	for i, op := range list {
		b.WriteString("SecRule ARGS \"" + op + "\" \"id:" + string(rune('1'+i/10)) + string(rune('0'+i%10)) + "\"\n")
	}
	return b.String()
}

func actions(list ...string) string {
	var b strings.Builder
	for i, action := range list {
		b.WriteString("SecRule ARGS \"@rx y|Bar\" \"id:" + string(rune('1'+i/10)) + string(rune('0'+i%10)) + "," + action + "\"\n")
	}
	return b.String()
}

// after puts a directive behind some rules, and a rule behind it.
func after(directive string) string {
	return `SecRuleEngine On
SecMarker BEGIN
SecAction "id:1,phase:1,msg:one"
SecRule ARGS|ARGS_NAMES "@rx [fb]" "id:2,phase:2,tag:x,pass"
SecRule ARGS:b|REQUEST_COOKIES "@rx a" "id:3,tag:x,tag:'attack/sql i',t:lowercase,t:trim,msg:'one'"
SecMarker MIDDLE
SecRule ARGS "@rx ." "id:4,chain,nolog"
  SecRule REQUEST_METHOD "@streq GET" "t:none"
SecRule ARGS "@streq none" "id:5,deny,status:418,msg:five"
SecRule ARGS:a "@eq 1" "id:6"
` + directive + `
SecRule ARGS "@rx [fb]" "id:2` + "2" + `2,tag:x,phase:5"
`
}
