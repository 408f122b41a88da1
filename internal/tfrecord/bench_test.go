package tfrecord_test

import (
	"fmt"
	"testing"

	"github.com/runhook/runhook/internal/tfrecord"
)

// A scalar event, a small histogram, an image.
var benchmarkSizes = []int{50, 1 << 10, 256 << 10}

func BenchmarkAppend(b *testing.B) {
	for _, size := range benchmarkSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			payload := make([]byte, size)
			var buf []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				buf = tfrecord.Append(buf[:0], payload)
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for _, size := range benchmarkSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := tfrecord.NewReader(&repeated{record: tfrecord.Append(nil, make([]byte, size))})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
