//go:build coraza.rule.multiphase_evaluation || coraza.rule.case_sensitive_args_keys || coraza.rule.no_regex_multiline || coraza.rule.mandatory_rule_id_check

package seclang

const otherBuild = "coraza.rule.*"
