package main

import (
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// start says that the run begins at step 0: of what a run before it in the same
// directory has written, readers drop the steps from there on.
func start(w *summary.FileWriter, _ *training) error {
	return w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_START}, 0)
}

// message is kept in the file, for eventlog to read. TensorBoard does not show
// it.
func message(w *summary.FileWriter, _ *training) error {
	return w.AddLogMessage(&eventpb.LogMessage{Level: eventpb.LogMessage_INFO, Message: "the gallery is complete"}, steps)
}
