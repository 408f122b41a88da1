package eventpb_test

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// The payload of a record, unframed, is one Event.
func ExampleEvent() {
	payload := []byte("\x09\x00\x00\x00\x00\x00\x00\xf8\x3f\x10\x07\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x80\x3e")

	event := new(eventpb.Event)
	if err := proto.Unmarshal(payload, event); err != nil {
		fmt.Println(err)
		return
	}
	switch what := event.GetWhat().(type) {
	case *eventpb.Event_FileVersion:
		fmt.Println("version", what.FileVersion)
	case *eventpb.Event_Summary:
		for _, v := range what.Summary.GetValue() {
			fmt.Printf("step %d: %s = %v\n", event.GetStep(), v.GetTag(), v.GetSimpleValue())
		}
	}
	// Output: step 7: loss = 0.25
}
