package eventlog_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// scalarFile is an event file of n scalars of as many tags as given, written in
// turn.
func scalarFile(n int, tags ...string) []byte {
	var file, value, payload []byte
	file = tfrecord.Append(file, version)
	for i := range n {
		value = protowire.AppendTag(value[:0], 1, protowire.BytesType)
		value = protowire.AppendString(value, tags[i%len(tags)])
		value = protowire.AppendTag(value, 2, protowire.Fixed32Type)
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(float32(i)))
		payload = event(payload[:0], 1577836800+float64(i)/4, int64(i/len(tags)))
		payload = protowire.AppendTag(payload, 5, protowire.BytesType)
		payload = protowire.AppendVarint(payload, uint64(protowire.SizeBytes(len(value))+1))
		payload = protowire.AppendTag(payload, 1, protowire.BytesType)
		payload = protowire.AppendBytes(payload, value)
		file = tfrecord.Append(file, payload)
	}
	return file
}

// event appends the fields that every event begins with.
func event(dst []byte, wallTime float64, step int64) []byte {
	dst = protowire.AppendTag(dst, 1, protowire.Fixed64Type)
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(wallTime))
	dst = protowire.AppendTag(dst, 2, protowire.VarintType)
	return protowire.AppendVarint(dst, uint64(step))
}

var version = protowire.AppendString(protowire.AppendTag(event(nil, 1577836800, 0), 3, protowire.BytesType), "brain.Event:2")

// writeFile writes an event file of run in dir and returns its path.
func writeFile(t testing.TB, dir, run, name string, file []byte) string {
	t.Helper()
	dir = filepath.Join(dir, filepath.FromSlash(run))
	require.NoError(t, os.MkdirAll(dir, 0o777))
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, file, 0o666))
	return path
}

const firstName = "events.out.tfevents.1577836800.host"

var benchmarkTags = []string{"loss", "accuracy", "hidden/weights/mean", "hidden/weights/stddev"}

// BenchmarkScalars reads scalars of one file into columns. The time of an event
// must not depend on how many there are.
func BenchmarkScalars(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("points=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			writeFile(b, dir, ".", firstName, scalarFile(n, benchmarkTags...))
			b.ReportAllocs()
			for b.Loop() {
				curves, err := eventlog.Scalars(b.Context(), dir, eventlog.Config{})
				if err != nil || len(curves) != len(benchmarkTags) {
					b.Fatal(len(curves), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
		})
	}
}

// BenchmarkUnmarshal is what BenchmarkScalars is measured against: messages of
// the same bytes, and the same columns.
func BenchmarkUnmarshal(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	path := writeFile(b, dir, ".", firstName, scalarFile(n, benchmarkTags...))
	b.ReportAllocs()
	for b.Loop() {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		columns := make(map[string]*eventlog.Curve)
		for r := tfrecord.NewReader(f); ; {
			payload, err := r.Next()
			if err != nil {
				break
			}
			e := new(eventpb.Event)
			if err := proto.Unmarshal(payload, e); err != nil {
				b.Fatal(err)
			}
			for _, v := range e.GetSummary().GetValue() {
				c := columns[v.GetTag()]
				if c == nil {
					c = new(eventlog.Curve)
					columns[v.GetTag()] = c
				}
				c.Steps = append(c.Steps, e.GetStep())
				c.WallTimes = append(c.WallTimes, e.GetWallTime())
				c.Values = append(c.Values, float64(v.GetSimpleValue()))
			}
		}
		f.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
}

// BenchmarkImages compares listing 1,000 pictures of 100 kB, and a histogram with
// each, with reading them into messages, and with what no reader can save: the
// bytes and their checksums.
func BenchmarkImages(b *testing.B) {
	const n = 1_000
	picture := bytes.Repeat([]byte("picture."), 100_000/8)
	rows := make([]float64, 3*100)
	var file []byte
	for i := range n {
		payload, err := proto.Marshal(&eventpb.Event{Step: int64(i), What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{
			{Tag: "picture", Value: &eventpb.Summary_Value_Image{Image: &eventpb.Summary_Image{Width: 100, Height: 100, EncodedImageString: picture}}},
			{Tag: "weights", Value: &eventpb.Summary_Value_Histo{Histo: &eventpb.HistogramProto{Bucket: rows[:100], BucketLimit: rows[:100]}}},
			{Tag: "rows", Value: &eventpb.Summary_Value_Tensor{Tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_DOUBLE, DoubleVal: rows}}},
		}}}})
		require.NoError(b, err)
		file = tfrecord.Append(file, payload)
	}
	dir := b.TempDir()
	path := writeFile(b, dir, ".", firstName, file)
	b.Run("Tags", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			if series, err := eventlog.Tags(b.Context(), dir, eventlog.Config{}); err != nil || series[0].Count != n {
				b.Fatal(series, err)
			}
		}
	})
	b.Run("Checksum", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		buf := make([]byte, 1<<20)
		for b.Loop() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.CopyBuffer(struct{ io.Writer }{crc32.New(crc32.MakeTable(crc32.Castagnoli))}, struct{ io.Reader }{f}, buf); err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
	})
	b.Run("Unmarshal", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			for e, err := range eventlog.Events(b.Context(), path, eventlog.Config{}) {
				if err != nil {
					b.Fatal(err)
				}
				if _, err := e.Proto(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
