package eventlog_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// FuzzRecords reads any bytes with and without Salvage: the records that come
// out are in the file where they say, everything between them is reported, and
// what is written again is read again.
func FuzzRecords(f *testing.F) {
	file, _ := mixed(f)
	f.Add(file)
	f.Add(file[7:])
	f.Add(append(bytes.Clone(file[:len(file)/2]), file...))
	f.Add(forgedLength(1 << 63))
	f.Fuzz(func(t *testing.T, file []byte) {
		plain, faults := records(file, false)
		require.True(t, bytes.Equal(file[:len(bytes.Join(plain, nil))], bytes.Join(plain, nil)))
		require.LessOrEqual(t, len(faults), 1)

		salvaged, faults := records(file, true)
		require.GreaterOrEqual(t, len(salvaged), len(plain))
		at, skipped := 0, 0
		for _, r := range salvaged {
			require.Equal(t, r, tfrecord.Append(nil, r[tfrecord.HeaderSize:len(r)-tfrecord.FooterSize]))
			at += len(r)
		}
		for _, fault := range faults {
			skipped += int(fault.Skipped)
		}
		require.Equal(t, len(file), at+skipped)

		again, faults := records(bytes.Join(salvaged, nil), false)
		require.Empty(t, faults)
		require.Equal(t, len(salvaged), len(again))
	})
}

func FuzzEvents(f *testing.F) {
	for _, g := range goldens(f) {
		if len(g.file) > 2000 {
			continue
		}
		for r, err := range eventlog.NewReader(bytes.NewReader(g.file), eventlog.ReaderConfig{}).Records() {
			if err != nil && err != io.EOF {
				f.Fatal(err)
			}
			f.Add(bytes.Clone(r.Payload))
		}
	}
	f.Fuzz(requireAgreement)
}

func FuzzTensor(f *testing.F) {
	f.Add(tensorMessage(1, []int64{2, 2}, []byte{5<<3 | 2, 4, 0, 0, 128, 63}))
	f.Add(tensorMessage(7, []int64{2}, []byte{8<<3 | 2, 1, 'a', 8<<3 | 2, 0}))
	f.Add(tensorMessage(19, nil, []byte{13 << 3, 1}))
	f.Add(tensorMessage(18, []int64{1}, append([]byte{4<<3 | 2, 16}, make([]byte, 16)...)))
	f.Fuzz(func(t *testing.T, message []byte) {
		tensor, err := eventlog.ParseTensor(message)
		if err != nil {
			return
		}
		tensor.Data()
		tensor.Float64s()
		m := new(eventpb.TensorProto)
		if proto.Unmarshal(message, m) == nil {
			requireSameTensor(t, m, tensor)
		}
	})
}
