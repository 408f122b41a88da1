package summary

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/eventpb"
)

// Fields of RunMetadata, StepStats, DeviceStepStats and NodeExecStats. They are
// the wire format and cannot change.
const (
	metadataStepStats = 1
	stepStatsDevice   = 1
	deviceName        = 1
	deviceNodeStats   = 2

	statsNodeName       = 1
	statsAllStartMicros = 2
	statsOpEndMicros    = 4
	statsAllEndMicros   = 5
	statsTimelineLabel  = 8
	statsAllStartNanos  = 13
	statsOpEndNanos     = 15
	statsAllEndNanos    = 16
)

// device is where the nodes of an engine are said to run.
const device = "/device:CPU:0"

// RunMetadataValue returns what an engine has told of a traced run as a value of a
// summary: the form of tf.summary.experimental.run_metadata, which TensorBoard
// shows as it does that of [Writer.AddRunMetadata].
func RunMetadataValue(tag string, metadata *session.RunMetadata) (Value, error) {
	if metadata == nil {
		return Value{}, fmt.Errorf("summary: run metadata %q: it is nil", tag)
	}
	encoded, err := appendRunMetadata(nil, metadata.Nodes)
	if err != nil {
		return Value{}, err
	}
	return traceValue(tag, "graph_run_metadata", encoded), nil
}

// RunMetadata writes what an engine has told of a traced run; see
// [RunMetadataValue].
func (w *Writer) RunMetadata(tag string, metadata *session.RunMetadata, step int64) error {
	v, err := RunMetadataValue(tag, metadata)
	return w.add(step, v, err)
}

// AddRunMetadata writes what an engine has told of a traced run, under a tag of
// its own, as TensorFlow's FileWriter does: TensorBoard's graph shows the times of
// its nodes.
func (w *Writer) AddRunMetadata(metadata *session.RunMetadata, tag string, step int64) error {
	if metadata == nil {
		return errors.New("summary: AddRunMetadata: the metadata is nil")
	}
	if err := checkTag(tag); err != nil {
		return err
	}
	encoded, err := appendRunMetadata(nil, metadata.Nodes)
	if err != nil {
		return err
	}
	return w.addWhat(step, &eventpb.Event{What: &eventpb.Event_TaggedRunMetadata{
		TaggedRunMetadata: &eventpb.TaggedRunMetadata{Tag: tag, RunMetadata: encoded},
	}})
}

// appendRunMetadata appends a RunMetadata.
func appendRunMetadata(b []byte, nodes []session.NodeStats) ([]byte, error) {
	stats := appendString(nil, deviceName, device)
	var node []byte
	for _, n := range nodes {
		if !utf8.ValidString(n.Name) {
			return nil, fmt.Errorf("summary: run metadata: node name %q is no valid UTF-8", n.Name)
		}
		node = appendNodeStats(node[:0], n)
		stats = appendMessage(stats, deviceNodeStats, node)
	}
	return appendMessage(b, metadataStepStats, appendMessage(nil, stepStatsDevice, stats)), nil
}

// appendNodeStats appends a NodeExecStats. Times are since the epoch, those of
// the end since the beginning.
func appendNodeStats(b []byte, n session.NodeStats) []byte {
	b = appendString(b, statsNodeName, n.Name)
	for _, field := range []struct {
		number protowire.Number
		value  int64
	}{
		{statsAllStartMicros, n.Start.UnixMicro()},
		{statsOpEndMicros, int64(n.Duration / time.Microsecond)},
		{statsAllEndMicros, int64(n.Duration / time.Microsecond)},
	} {
		b = appendInt(b, field.number, field.value)
	}
	b = appendString(b, statsTimelineLabel, n.Name)
	b = appendInt(b, statsAllStartNanos, n.Start.UnixNano())
	b = appendInt(b, statsOpEndNanos, int64(n.Duration))
	return appendInt(b, statsAllEndNanos, int64(n.Duration))
}
