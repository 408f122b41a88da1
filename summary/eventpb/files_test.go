package eventpb_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// The types below are the events of testdata/*.json: what TensorFlow's own messages make of the file of the same name.
// Numbers are exact, but NaN and infinities are strings.
type (
	fileEvent struct {
		WallTime     float64         `json:"wall_time"`
		Step         int64           `json:"step"`
		What         string          `json:"what"`
		SourceWriter string          `json:"source_writer"`
		FileVersion  string          `json:"file_version"`
		SessionLog   *fileSessionLog `json:"session_log"`
		Values       []fileValue     `json:"values"`
	}
	fileSessionLog struct {
		Status         string `json:"status"`
		CheckpointPath string `json:"checkpoint_path"`
		Msg            string `json:"msg"`
	}
	fileValue struct {
		Tag             string        `json:"tag"`
		Kind            string        `json:"kind"`
		SimpleValueBits string        `json:"simple_value_bits"`
		Image           *fileImage    `json:"image"`
		Histo           *fileHisto    `json:"histo"`
		Audio           *fileAudio    `json:"audio"`
		Tensor          *fileTensor   `json:"tensor"`
		Metadata        *fileMetadata `json:"metadata"`
	}
	fileImage struct {
		Height     int32    `json:"height"`
		Width      int32    `json:"width"`
		Colorspace int32    `json:"colorspace"`
		Encoded    fileBlob `json:"encoded"`
	}
	fileHisto struct {
		Min         float64   `json:"min"`
		Max         float64   `json:"max"`
		Num         float64   `json:"num"`
		Sum         float64   `json:"sum"`
		SumSquares  float64   `json:"sum_squares"`
		BucketLimit []float64 `json:"bucket_limit"`
		Bucket      []float64 `json:"bucket"`
	}
	fileAudio struct {
		SampleRate   float32  `json:"sample_rate"`
		NumChannels  int64    `json:"num_channels"`
		LengthFrames int64    `json:"length_frames"`
		ContentType  string   `json:"content_type"`
		Encoded      fileBlob `json:"encoded"`
	}
	fileTensor struct {
		DType    string   `json:"dtype"`
		Shape    []int64  `json:"shape"`
		StoredIn []string `json:"stored_in"`
		Values   []any    `json:"values"`
	}
	fileMetadata struct {
		PluginName         string `json:"plugin_name"`
		ContentHex         string `json:"content_hex"`
		DisplayName        string `json:"display_name"`
		SummaryDescription string `json:"summary_description"`
		DataClass          string `json:"data_class"`
	}
	fileBlob struct {
		Bytes  int    `json:"bytes"`
		SHA256 string `json:"sha256"`
	}
)

// The files of real writers: TensorFlow 2.21 (tf1_), TensorBoard 2.21 (tb_, tb1_), tensorboardX 2.6.5 (tbx_), torch 2.6.0.
func TestFilesOfRealWriters(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.tfevents")
	require.NoError(t, err)
	require.Len(t, paths, 6)
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			decoded, err := os.ReadFile(strings.TrimSuffix(path, ".tfevents") + ".json")
			require.NoError(t, err)
			var want []fileEvent
			require.NoError(t, json.Unmarshal(decoded, &want))
			require.NotEmpty(t, want)

			payloads := payloadsOf(t, content)
			require.Len(t, payloads, len(want))
			for i, payload := range payloads {
				event := new(eventpb.Event)
				require.NoError(t, proto.Unmarshal(payload, event))
				require.Equal(t, want[i], fileEventOf(t, event), "event %d", i)
				require.Equal(t, payload, marshalInNumberOrder(t, event), "event %d", i)
			}
		})
	}
}

// payloadsOf takes TFRecord frames apart and checks their checksums.
func payloadsOf(t *testing.T, file []byte) [][]byte {
	t.Helper()
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	next := func(n int) []byte {
		require.GreaterOrEqual(t, len(file), n)
		b := file[:n]
		file = file[n:]
		return b
	}
	checked := func(n int) []byte {
		b := next(n)
		sum := crc32.Checksum(b, castagnoli)
		require.Equal(t, bits.RotateLeft32(sum, -15)+0xa282ead8, binary.LittleEndian.Uint32(next(4)), "checksum")
		return b
	}
	var payloads [][]byte
	for len(file) > 0 {
		length := binary.LittleEndian.Uint64(checked(8))
		require.LessOrEqual(t, length, uint64(len(file)))
		payloads = append(payloads, checked(int(length)))
	}
	return payloads
}

func fileEventOf(t *testing.T, e *eventpb.Event) fileEvent {
	t.Helper()
	f := fileEvent{
		WallTime:     e.GetWallTime(),
		Step:         e.GetStep(),
		What:         oneofOf(e, "what"),
		SourceWriter: e.GetSourceMetadata().GetWriter(),
		FileVersion:  e.GetFileVersion(),
	}
	if s := e.GetSessionLog(); s != nil {
		f.SessionLog = &fileSessionLog{s.GetStatus().String(), s.GetCheckpointPath(), s.GetMsg()}
	}
	for _, v := range e.GetSummary().GetValue() {
		f.Values = append(f.Values, fileValueOf(t, v))
	}
	return f
}

func fileValueOf(t *testing.T, v *eventpb.Summary_Value) fileValue {
	t.Helper()
	f := fileValue{Tag: v.GetTag(), Kind: oneofOf(v, "value")}
	switch w := v.GetValue().(type) {
	case *eventpb.Summary_Value_SimpleValue:
		f.SimpleValueBits = fmt.Sprintf("%08x", math.Float32bits(w.SimpleValue))
	case *eventpb.Summary_Value_Image:
		f.Image = &fileImage{
			w.Image.GetHeight(), w.Image.GetWidth(), w.Image.GetColorspace(), blobOf(w.Image.GetEncodedImageString()),
		}
	case *eventpb.Summary_Value_Histo:
		h := w.Histo
		f.Histo = &fileHisto{
			h.GetMin(), h.GetMax(), h.GetNum(), h.GetSum(), h.GetSumSquares(), h.GetBucketLimit(), h.GetBucket(),
		}
	case *eventpb.Summary_Value_Audio:
		a := w.Audio
		f.Audio = &fileAudio{
			a.GetSampleRate(), a.GetNumChannels(), a.GetLengthFrames(), a.GetContentType(), blobOf(a.GetEncodedAudioString()),
		}
	case *eventpb.Summary_Value_Tensor:
		f.Tensor = fileTensorOf(t, w.Tensor)
	default:
		require.Fail(t, "a kind of value that the test does not know", "%T", w)
	}
	if m := v.GetMetadata(); m != nil {
		f.Metadata = &fileMetadata{
			PluginName:         m.GetPluginData().GetPluginName(),
			ContentHex:         hex.EncodeToString(m.GetPluginData().GetContent()),
			DisplayName:        m.GetDisplayName(),
			SummaryDescription: m.GetSummaryDescription(),
		}
		if m.GetDataClass() != eventpb.DataClass_UNKNOWN {
			f.Metadata.DataClass = "DATA_CLASS_" + m.GetDataClass().String()
		}
	}
	return f
}

func fileTensorOf(t *testing.T, p *eventpb.TensorProto) *fileTensor {
	t.Helper()
	f := &fileTensor{DType: "DT_" + p.GetDtype().String(), Shape: []int64{}, StoredIn: []string{}, Values: []any{}}
	for _, d := range p.GetTensorShape().GetDim() {
		f.Shape = append(f.Shape, d.GetSize())
	}
	if len(p.GetFloatVal()) > 0 {
		f.StoredIn = append(f.StoredIn, "float_val")
		for _, x := range p.GetFloatVal() {
			f.Values = append(f.Values, numberOf(float64(x)))
		}
	}
	if len(p.GetStringVal()) > 0 {
		f.StoredIn = append(f.StoredIn, "string_val")
		for _, b := range p.GetStringVal() {
			f.Values = append(f.Values, stringOf(b))
		}
	}
	if content := p.GetTensorContent(); len(content) > 0 {
		f.StoredIn = append(f.StoredIn, "tensor_content")
		for len(content) > 0 {
			switch p.GetDtype() {
			case eventpb.DataType_FLOAT:
				f.Values = append(f.Values, numberOf(float64(math.Float32frombits(binary.LittleEndian.Uint32(content)))))
				content = content[4:]
			case eventpb.DataType_DOUBLE:
				f.Values = append(f.Values, numberOf(math.Float64frombits(binary.LittleEndian.Uint64(content))))
				content = content[8:]
			default:
				require.Fail(t, "a dtype that the test does not know", "%s", p.GetDtype())
			}
		}
	}
	return f
}

// UnmarshalJSON turns the descriptions of strings that are no text into the form of stringOf.
func (f *fileTensor) UnmarshalJSON(b []byte) error {
	type plain fileTensor
	if err := json.Unmarshal(b, (*plain)(f)); err != nil {
		return err
	}
	for i, v := range f.Values {
		if m, ok := v.(map[string]any); ok {
			f.Values[i] = fmt.Sprintf("%v bytes, SHA-256 %v", m["bytes"], m["sha256"])
		}
	}
	return nil
}

func stringOf(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(b), sha256.Sum256(b))
}

func numberOf(x float64) any {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	return x
}

func blobOf(b []byte) fileBlob {
	return fileBlob{len(b), fmt.Sprintf("%x", sha256.Sum256(b))}
}

// oneofOf returns the name of the field that is set in a oneof of m, "none" for none.
func oneofOf(m proto.Message, oneof string) string {
	r := m.ProtoReflect()
	for i := range r.Descriptor().Oneofs().Len() {
		if o := r.Descriptor().Oneofs().Get(i); string(o.Name()) == oneof && r.WhichOneof(o) != nil {
			return string(r.WhichOneof(o).Name())
		}
	}
	return "none"
}
