package eventlog_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog"
)

// said is everything that a file says, without where it says it.
func said(t testing.TB, file []byte) []string {
	t.Helper()
	lines := []string{}
	for e, err := range eventlog.NewReader(bytes.NewReader(file), eventlog.ReaderConfig{}).Events() {
		require.NoError(t, err)
		lines = append(lines, sentences(t, e)...)
	}
	return lines
}

// sentences tells of an event and each of its values in a line of its own.
func sentences(t testing.TB, e *eventlog.Event) []string {
	t.Helper()
	lines := []string{fmt.Sprintf("%v %d %v", e.WallTime, e.Step, e.What)}
	if e.What != eventlog.Summary {
		m, err := e.Proto()
		require.NoError(t, err)
		lines[0] += fmt.Sprintf(" %q %q", m.GetFileVersion(), m.GetSourceMetadata().GetWriter())
		if log := m.GetSessionLog(); log != nil {
			lines[0] += fmt.Sprintf(" %v %q %q", log.GetStatus(), log.GetCheckpointPath(), log.GetMsg())
		}
	}
	for v, err := range e.Values() {
		require.NoError(t, err)
		line := fmt.Sprintf("%s %v %+v", v.Tag, v.Kind, *v.Metadata)
		if tensor, err := v.Tensor(); err == nil {
			line += fmt.Sprintf(" %v %v %v", tensor.DType, tensor.Shape, tensor.Data())
		} else {
			line += fmt.Sprintf(" %v", err)
		}
		lines = append(lines, line)
	}
	return lines
}

// endings reads a file's events to the end and tells how it ends.
func ending(r io.Reader, salvage bool) (events int, faults []error) {
	for _, err := range eventlog.NewReader(r, eventlog.ReaderConfig{Name: "file", Salvage: salvage}).Events() {
		if err != nil {
			faults = append(faults, err)
			continue
		}
		events++
	}
	return events, faults
}
