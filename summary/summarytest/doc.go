// Package summarytest tests implementations of [summary.Sink].
//
// [TestSink] holds a sink to the rules that package summary states in its
// comments, a subtest a rule; [CheckSink] returns what is broken as an error. What
// they report is a [RuleError], which quotes the rule.
//
// A sink that can be asked what it wrote is held to all rules; see
// [SinkOptions.Events], and [ReadDir] for sinks that write event files.
package summarytest

import "github.com/runhook/runhook/internal/ruletest"

// A RuleError says that an implementation breaks a rule: which, its text, and what
// was seen instead.
type RuleError = ruletest.Error
