package session

// A Scaffold holds pieces of a training job that hooks look up when they need
// them, not when they are made.
type Scaffold struct {
	// SummaryOp makes the summaries that SummarySaverHook records. nil: none.
	SummaryOp SummaryOp
}
