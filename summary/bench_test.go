package summary_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// BenchmarkWriteScalar compares the writer with what one would write by hand:
// the message of package eventpb, marshalled and framed into a buffer that goes
// to the same kind of file when it is half a mebibyte long.
func BenchmarkWriteScalar(b *testing.B) {
	b.Run("runhook", func(b *testing.B) {
		w := openWriter(b, b.TempDir(), summary.FileWriterConfig{})
		step := int64(0)
		b.ReportAllocs()
		for b.Loop() {
			step++
			if err := w.Scalar("train/loss", 0.25, step); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("protobuf", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "events.out.tfevents"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		var mu sync.Mutex
		buf := make([]byte, 0, 1<<20)
		step := int64(0)
		b.ReportAllocs()
		for b.Loop() {
			step++
			now := time.Now()
			event := &eventpb.Event{
				WallTime: float64(now.Unix()) + float64(now.Nanosecond())/1e9,
				Step:     step,
				What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{{
					Tag:   "train/loss",
					Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: 0.25},
				}}}},
			}
			mu.Lock()
			start := len(buf)
			if buf, err = (proto.MarshalOptions{}).MarshalAppend(tfrecord.Begin(buf), event); err != nil {
				b.Fatal(err)
			}
			buf = tfrecord.End(buf, start)
			tfrecord.Seal(buf[start:])
			if len(buf) >= 1<<19 {
				if _, err := f.Write(buf); err != nil {
					b.Fatal(err)
				}
				buf = buf[:0]
			}
			mu.Unlock()
		}
		if _, err := f.Write(buf); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkWriteScalarParallel(b *testing.B) {
	for _, goroutines := range []int{1, 8} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			w := openWriter(b, b.TempDir(), summary.FileWriterConfig{})
			b.ReportAllocs()
			var group sync.WaitGroup
			for g := range goroutines {
				group.Go(func() {
					for step := g; step < b.N; step += goroutines {
						if err := w.Scalar("train/loss", 0.25, int64(step)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
