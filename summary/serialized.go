package summary

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// Serialized returns an op that takes the values of a fetched Summary as they are:
// a string that is the encoded message, as TensorFlow's own summary ops make it,
// or an *eventpb.Summary by [session.Any].
func Serialized(fetch string) Op {
	return &madeOp{
		kind: "serialized summary", tag: fetch, fetches: []string{fetch},
		values: func(dst []Value, _ string, in []input) ([]Value, error) {
			s, ok := in[0].Any().(*eventpb.Summary)
			if text, isText := in[0].Text(); isText {
				s, ok = new(eventpb.Summary), true
				if err := proto.Unmarshal([]byte(text), s); err != nil {
					return dst, in[0].fault(fmt.Errorf("no Summary: %w", err))
				}
			}
			if !ok {
				return dst, in[0].want("an encoded Summary")
			}
			for _, message := range s.GetValue() {
				v, err := valueOf(message)
				if err != nil {
					return dst, err
				}
				dst = append(dst, v)
			}
			return dst, nil
		},
	}
}
