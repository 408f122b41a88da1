package summary

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventpb"
)

// describeAgain returns records of events as they are to stand at the beginning
// of a file: the first value of each known tag has its metadata. It also returns
// the tags that have.
func describeAgain(records []byte, known map[string]knownTag) (again []byte, tags []string) {
	described := make(map[string]bool)
	r := tfrecord.NewReader(bytes.NewReader(records))
	for {
		payload, err := r.Next()
		if err != nil { // the end
			return again, tags
		}
		event := new(eventpb.Event)
		if proto.Unmarshal(payload, event) != nil {
			again = tfrecord.Append(again, payload)
			continue
		}
		changed := false
		for _, v := range event.GetSummary().GetValue() {
			metadata := known[v.GetTag()].metadata
			_, placeholder := v.GetValue().(*eventpb.Summary_Value_ObsoleteOldStyleHistogram) // see emptyValue
			if len(metadata) == 0 || described[v.GetTag()] || placeholder {
				continue
			}
			described[v.GetTag()] = true
			tags = append(tags, v.GetTag())
			// The metadata is encoded as a field of a value.
			if v.GetMetadata() == nil && (proto.UnmarshalOptions{Merge: true}).Unmarshal(metadata, v) == nil {
				changed = true
			}
		}
		if changed {
			if full, err := proto.Marshal(event); err == nil {
				payload = full
			}
		}
		again = tfrecord.Append(again, payload)
	}
}
