package summary

import (
	"time"

	"github.com/runhook/runhook/summary/eventpb"
)

// A File is what a writer needs of an event file.
type File = file

// NewFileWriterOn returns a writer whose event files are those that create
// makes.
func NewFileWriterOn(config FileWriterConfig, create func() (File, error)) (*FileWriter, error) {
	return newFileWriter("memory", config, func(string, string, time.Time) (file, bool, error) {
		f, err := create()
		return f, false, err
	})
}

// EncodeEvent returns an event with a summary of values, each with its metadata
// if described.
func EncodeEvent(wallTime float64, step int64, described bool, values ...Value) []byte {
	all := make([][]byte, len(values))
	for i := range all {
		if described {
			all[i] = values[i].metadata
		}
	}
	return appendEvent(nil, wallTime, step, values, all)
}

// EncodeStart returns a session log of status START.
func EncodeStart(wallTime float64, step int64) []byte { return appendStart(nil, wallTime, step) }

// ValueOf returns the value that AddSummary makes of a message.
func ValueOf(v *eventpb.Summary_Value) (Value, error) { return valueOf(v) }

// OpenFiles returns how many files are open, or being opened or closed.
func (r *RunWriters) OpenFiles() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open
}

// Retagged is v under another tag.
func Retagged(v Value, tag string) Value {
	v.tag = tag
	return v
}
