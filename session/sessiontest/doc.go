// Package sessiontest tests implementations of [session.Engine] and of
// [session.SessionRunHook], and helps to test what uses them.
//
// [TestEngine] and [TestHook] hold an implementation to the rules that package
// session states in its comments, a subtest a rule; [CheckEngine] and
// [CheckHook] return what is broken as an error. What they report is a
// [RuleError], which quotes the rule.
//
// [Engine] is an engine that follows a script: values by step, failures of the
// n-th call before or after the update, slow runs, sessions that begin at a step
// of your choice. It keeps a record of the calls.
package sessiontest

import "github.com/runhook/runhook/internal/ruletest"

// A RuleError says that an implementation breaks a rule: which, its text, and what
// was seen instead.
type RuleError = ruletest.Error
