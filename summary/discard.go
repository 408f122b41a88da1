package summary

import (
	"time"

	"github.com/runhook/runhook/summary/eventpb"
)

// Discard is a [Sink] that forgets what it takes, and never closes.
var Discard Sink = discard{}

type discard struct{}

func (discard) AddValues(time.Time, int64, []Value) error         { return nil }
func (discard) addScalar(time.Time, int64, string, float32) error { return nil }
func (discard) AddEvent(*eventpb.Event) error                     { return nil }
func (discard) Flush() error                                      { return nil }
func (discard) Close() error                                      { return nil }
