package summary

import (
	"errors"

	"github.com/runhook/runhook/summary/eventpb"
)

// AddLogMessage writes a log message. TensorBoard does not show it.
func (w *Writer) AddLogMessage(message *eventpb.LogMessage, step int64) error {
	if message == nil {
		return errors.New("summary: AddLogMessage: the message is nil")
	}
	return w.addWhat(step, &eventpb.Event{What: &eventpb.Event_LogMessage{LogMessage: message}})
}
