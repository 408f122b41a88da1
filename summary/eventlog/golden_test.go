package eventlog_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// A golden is an event file of another writer's and what TensorFlow's own
// messages say is in it. See testdata/README.md.
type golden struct {
	name   string
	file   []byte
	events []goldenEvent
}

type goldenEvent struct {
	Offset       int64
	PayloadBytes int `json:"payload_bytes"`
	WallTime     any `json:"wall_time"`
	Step         int64
	What         string
	SourceWriter string `json:"source_writer"`
	FileVersion  string `json:"file_version"`
	Values       []goldenValue
	GraphDef     map[string]any `json:"graph_def"`
	MetaGraphDef map[string]any `json:"meta_graph_def"`
	SessionLog   *struct {
		Status         string
		CheckpointPath string `json:"checkpoint_path"`
		Msg            string
	} `json:"session_log"`
	LogMessage        *struct{ Level, Message string } `json:"log_message"`
	TaggedRunMetadata *struct {
		Tag         string
		RunMetadata map[string]any `json:"run_metadata"`
	} `json:"tagged_run_metadata"`
}

type goldenValue struct {
	Tag      string
	Kind     string
	Metadata *struct {
		PluginName  string `json:"plugin_name"`
		ContentHex  string `json:"content_hex"`
		DisplayName string `json:"display_name"`
		Description string `json:"summary_description"`
		DataClass   string `json:"data_class"`
	}
	SimpleValueBits string `json:"simple_value_bits"`
	Tensor          *struct {
		DType        string
		Shape        []int64
		Values       []any
		ContentHex   string `json:"tensor_content_hex"` // of BFLOAT16, which has no values
		InOtherField any    `json:"in_other_field"`
		HalfValRaw   any    `json:"half_val_raw"`
	}
	Image *struct {
		Height, Width int
		Encoded       any
	}
	Audio *struct {
		SampleRate   float32 `json:"sample_rate"`
		NumChannels  int64   `json:"num_channels"`
		LengthFrames int64   `json:"length_frames"`
		ContentType  string  `json:"content_type"`
		Encoded      any
	}
	Histo *struct {
		Min, Max any
		Limits   []any `json:"bucket_limit"`
		Counts   []any `json:"bucket"`
	}
}

// goldens returns all goldens, sorted by name.
func goldens(t testing.TB) []golden {
	t.Helper()
	z, err := zip.OpenReader("testdata/goldens.zip")
	require.NoError(t, err)
	defer z.Close()
	var all []golden
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".tfevents")
		if !ok {
			continue
		}
		g := golden{name: name, file: unzip(t, z, f.Name)}
		d := json.NewDecoder(bytes.NewReader(unzip(t, z, name+".json")))
		d.UseNumber()
		require.NoError(t, d.Decode(&g.events), name)
		all = append(all, g)
	}
	require.Len(t, all, 114)
	return all
}

func unzip(t testing.TB, z *zip.ReadCloser, name string) []byte {
	t.Helper()
	f, err := z.Open(name)
	require.NoError(t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	require.NoError(t, err)
	return b
}

func goldenNamed(t testing.TB, name string) golden {
	t.Helper()
	all := goldens(t)
	i := slices.IndexFunc(all, func(g golden) bool { return g.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

func TestEveryGoldenIsReadAsTensorFlowReadsIt(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			r := eventlog.NewReader(bytes.NewReader(g.file), eventlog.ReaderConfig{Name: g.name})
			n := 0
			for e, err := range r.Events() {
				require.NoError(t, err)
				require.Less(t, n, len(g.events))
				requireEvent(t, g.events[n], e)
				n++
			}
			require.Len(t, g.events, n)
			require.EqualValues(t, len(g.file), r.Offset())
		})
	}
}

func requireEvent(t *testing.T, want goldenEvent, e *eventlog.Event) {
	t.Helper()
	require.Equal(t, want.Offset, e.Offset)
	require.Len(t, e.Payload(), want.PayloadBytes)
	requireFloat(t, want.WallTime, e.WallTime)
	require.Equal(t, want.Step, e.Step)
	if want.What == "none" {
		want.What = eventlog.Nothing.String()
	}
	require.Equal(t, want.What, e.What.String())
	m, err := e.Proto()
	require.NoError(t, err)
	require.Equal(t, want.SourceWriter, m.GetSourceMetadata().GetWriter())
	switch e.What {
	case eventlog.FileVersion:
		require.Equal(t, want.FileVersion, string(e.Body()))
	case eventlog.GraphDef:
		requireBytes(t, want.GraphDef, e.Body())
		requireBlob(t, e, "__run_graph__", "graphs", eventlog.KindGraph, want.GraphDef)
	case eventlog.MetaGraphDef:
		requireBytes(t, want.MetaGraphDef, e.Body())
	case eventlog.SessionLog:
		log := m.GetSessionLog()
		require.Equal(t, want.SessionLog.Status, log.GetStatus().String())
		require.Equal(t, want.SessionLog.CheckpointPath, log.GetCheckpointPath())
		require.Equal(t, want.SessionLog.Msg, log.GetMsg())
	case eventlog.LogMessage:
		require.Equal(t, want.LogMessage.Level, m.GetLogMessage().GetLevel().String())
		require.Equal(t, want.LogMessage.Message, m.GetLogMessage().GetMessage())
	case eventlog.TaggedRunMetadata:
		trace := want.TaggedRunMetadata
		requireBlob(t, e, trace.Tag, "graph_tagged_run_metadata", eventlog.KindRunMetadata, trace.RunMetadata)
	}
	n := 0
	for v, err := range e.Values() {
		require.NoError(t, err)
		if e.What == eventlog.Summary {
			require.Less(t, n, len(want.Values))
			requireValue(t, want.Values[n], v)
		}
		n++
	}
	if e.What == eventlog.Summary {
		require.Len(t, want.Values, n)
	}
}

// requireBlob checks the one value that TensorBoard makes of an event without
// summary.
func requireBlob(t *testing.T, e *eventlog.Event, tag, plugin string, kind eventlog.Kind, want map[string]any) {
	t.Helper()
	for v, err := range e.Values() {
		require.NoError(t, err)
		require.Equal(t, tag, v.Tag)
		require.Equal(t, plugin, v.Metadata.Plugin)
		require.Equal(t, kind, v.Kind)
		require.Equal(t, eventpb.DataClass_BLOB_SEQUENCE, v.Metadata.DataClass)
		tensor, err := v.Tensor()
		require.NoError(t, err)
		require.Equal(t, []int64{1}, tensor.Shape)
		requireBytes(t, want, tensor.Data().([][]byte)[0])
	}
}

func requireValue(t *testing.T, want goldenValue, v eventlog.Value) {
	t.Helper()
	require.Equal(t, want.Tag, v.Tag)
	if m := want.Metadata; m != nil {
		if want.Kind == "tensor" || want.Kind == "none" {
			require.Equal(t, m.PluginName, v.Metadata.Plugin)
			require.Equal(t, m.ContentHex, hex.EncodeToString(v.Metadata.Content))
			require.Equal(t, m.DisplayName, v.Metadata.DisplayName)
		} else if m.DisplayName != "" {
			require.Equal(t, m.DisplayName, v.Metadata.DisplayName)
		}
		require.Equal(t, m.Description, v.Metadata.Description)
		if m.DataClass != "" {
			require.Equal(t, m.DataClass, "DATA_CLASS_"+v.Metadata.DataClass.String())
		}
	}
	switch want.Kind {
	case "simple_value":
		bits, err := strconv.ParseUint(want.SimpleValueBits, 16, 32)
		require.NoError(t, err)
		requireMigrated(t, v, eventlog.KindScalar, "scalars", "")
		x, err := v.Scalar()
		require.NoError(t, err)
		require.Equal(t, uint32(bits), math.Float32bits(float32(x)))
		tensor, err := v.Tensor()
		require.NoError(t, err)
		require.Empty(t, tensor.Shape)
		require.Equal(t, uint32(bits), math.Float32bits(tensor.Data().([]float32)[0]))
	case "image":
		requireMigrated(t, v, eventlog.KindImage, "images", "1001")
		images, err := v.Images()
		require.NoError(t, err)
		require.Equal(t, want.Image.Width, images.Width)
		require.Equal(t, want.Image.Height, images.Height)
		require.Len(t, images.Encoded, 1)
		requireBytes(t, want.Image.Encoded, images.Encoded[0])
		cells, err := v.Blobs()
		require.NoError(t, err)
		require.Equal(t, [][]byte{[]byte(strconv.Itoa(images.Width)), []byte(strconv.Itoa(images.Height)), images.Encoded[0]}, cells)
	case "audio":
		requireMigrated(t, v, eventlog.KindAudio, "audio", "100b1801")
		clips, err := v.Audio()
		require.NoError(t, err)
		require.Len(t, clips, 1)
		c := clips[0]
		require.Equal(t, want.Audio.SampleRate, c.SampleRate)
		require.Equal(t, want.Audio.NumChannels, c.Channels)
		require.Equal(t, want.Audio.LengthFrames, c.Frames)
		require.Equal(t, want.Audio.ContentType, c.ContentType)
		requireBytes(t, want.Audio.Encoded, c.Encoded)
	case "histo":
		requireMigrated(t, v, eventlog.KindHistogram, "histograms", "")
		requireHistogram(t, want, v)
	case "tensor":
		requireTensor(t, want, v)
	case "none":
		if want.Metadata == nil {
			require.Equal(t, eventlog.KindUnknown, v.Kind)
			_, err := v.Tensor()
			require.ErrorIs(t, err, eventlog.ErrMalformed)
			return
		}
		require.Equal(t, eventlog.KindHParams, v.Kind)
		tensor, err := v.Tensor()
		require.NoError(t, err)
		require.Equal(t, []int64{0}, tensor.Shape)
	default:
		t.Fatalf("golden of kind %q", want.Kind)
	}
}

func requireMigrated(t *testing.T, v eventlog.Value, kind eventlog.Kind, plugin, content string) {
	t.Helper()
	require.Equal(t, kind, v.Kind)
	require.Equal(t, plugin, v.Metadata.Plugin)
	require.Equal(t, content, hex.EncodeToString(v.Metadata.Content))
	require.NotEqual(t, eventpb.DataClass_UNKNOWN, v.Metadata.DataClass)
}

// requireHistogram follows the golden's counts: the buckets that are kept are
// the golden's, the outer edges the extremes.
func requireHistogram(t *testing.T, want goldenValue, v eventlog.Value) {
	t.Helper()
	buckets, err := v.Histogram()
	require.NoError(t, err)
	var counts, limits []float64
	for i, c := range want.Histo.Counts {
		if c := toFloat(t, c); c > 0 || len(counts) > 0 {
			counts, limits = append(counts, c), append(limits, toFloat(t, want.Histo.Limits[i]))
		}
	}
	for len(counts) > 0 && counts[len(counts)-1] == 0 {
		counts = counts[:len(counts)-1]
	}
	require.Len(t, buckets, len(counts))
	for i, b := range buckets {
		require.Equal(t, counts[i], b.Count)
		if i == 0 {
			requireFloat(t, want.Histo.Min, b.Left)
		} else {
			require.Equal(t, buckets[i-1].Right, b.Left)
		}
		if i == len(buckets)-1 {
			requireFloat(t, want.Histo.Max, b.Right)
		} else {
			require.Equal(t, limits[i], b.Right)
		}
	}
}

func requireTensor(t *testing.T, want goldenValue, v eventlog.Value) {
	t.Helper()
	tensor, err := v.Tensor()
	if want.Tensor.InOtherField != nil || want.Tensor.HalfValRaw != nil {
		// PyTorch writes some types where nobody finds them.
		require.ErrorIs(t, err, eventlog.ErrMalformed)
		return
	}
	require.NoError(t, err)
	require.Equal(t, want.Tensor.DType, "DT_"+tensor.DType.String())
	require.True(t, slices.Equal(want.Tensor.Shape, tensor.Shape), "shape %v, want %v", tensor.Shape, want.Tensor.Shape)
	if want.Tensor.ContentHex != "" {
		// The upper halves of float32.
		content := []byte{}
		for _, x := range tensor.Data().([]float32) {
			content = binary.LittleEndian.AppendUint16(content, uint16(math.Float32bits(x)>>16))
		}
		require.Equal(t, want.Tensor.ContentHex, hex.EncodeToString(content))
		return
	}
	require.Equal(t, len(want.Tensor.Values), tensor.Len())
	switch data := tensor.Data().(type) {
	case []float32:
		for i, x := range data {
			requireFloat32(t, want.Tensor.Values[i], x)
		}
	case []float64:
		for i, x := range data {
			requireFloat(t, want.Tensor.Values[i], x)
		}
	case []int64:
		for i, x := range data {
			require.Equal(t, want.Tensor.Values[i], json.Number(strconv.FormatInt(x, 10)))
		}
	case []uint64:
		for i, x := range data {
			require.Equal(t, want.Tensor.Values[i], json.Number(strconv.FormatUint(x, 10)))
		}
	case []bool:
		for i, x := range data {
			require.Equal(t, want.Tensor.Values[i], x)
		}
	case []complex64:
		for i, x := range data {
			pair := want.Tensor.Values[i].([]any)
			requireFloat32(t, pair[0], real(x))
			requireFloat32(t, pair[1], imag(x))
		}
	case []complex128:
		for i, x := range data {
			pair := want.Tensor.Values[i].([]any)
			requireFloat(t, pair[0], real(x))
			requireFloat(t, pair[1], imag(x))
		}
	case [][]byte:
		for i, x := range data {
			requireBytes(t, want.Tensor.Values[i], x)
		}
		blobs, err := v.Blobs()
		require.NoError(t, err)
		require.Equal(t, data, blobs)
	default:
		t.Fatalf("data of type %T", data)
	}
	if v.Kind == eventlog.KindScalar {
		x, err := v.Scalar()
		require.NoError(t, err)
		floats, err := tensor.Float64s()
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(floats[0]), math.Float64bits(x))
	}
}

func toFloat(t *testing.T, want any) float64 {
	t.Helper()
	var text string
	switch want := want.(type) {
	case json.Number:
		text = want.String()
	case string:
		text = want
	}
	x, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return x
}

func requireFloat(t *testing.T, want any, got float64) {
	t.Helper()
	x := toFloat(t, want)
	if math.IsNaN(x) {
		require.True(t, math.IsNaN(got), "%v is a number", got)
		return
	}
	require.Equal(t, math.Float64bits(x), math.Float64bits(got), "got %v, want %v", got, x)
}

func requireFloat32(t *testing.T, want any, got float32) {
	t.Helper()
	x := toFloat(t, want)
	if math.IsNaN(x) {
		require.True(t, got != got, "%v is a number", got)
		return
	}
	require.Equal(t, math.Float32bits(float32(x)), math.Float32bits(got), "got %v, want %v", got, x)
}

// requireBytes compares with text, or with what the golden says of bytes.
func requireBytes(t *testing.T, want any, got []byte) {
	t.Helper()
	if text, ok := want.(string); ok {
		require.Equal(t, text, string(got))
		return
	}
	said := want.(map[string]any)
	if b64, ok := said["base64"].(string); ok {
		require.Equal(t, b64, base64.StdEncoding.EncodeToString(got))
		return
	}
	require.Equal(t, said["bytes"], json.Number(strconv.Itoa(len(got))))
	sum := sha256.Sum256(got)
	require.Equal(t, said["sha256"], hex.EncodeToString(sum[:]))
}

func TestGoldensReadAndWrittenAreTheSameFiles(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			var copied []byte
			for e, err := range eventlog.NewReader(bytes.NewReader(g.file), eventlog.ReaderConfig{}).Events() {
				require.NoError(t, err)
				copied = tfrecord.Append(copied, e.Payload())
			}
			require.Equal(t, g.file, copied)

			// Through messages too, if not byte for byte: nothing is lost.
			var again []byte
			for e, err := range eventlog.NewReader(bytes.NewReader(g.file), eventlog.ReaderConfig{}).Events() {
				require.NoError(t, err)
				m, err := e.Proto()
				require.NoError(t, err)
				payload, err := proto.Marshal(m)
				require.NoError(t, err)
				again = tfrecord.Append(again, payload)
			}
			require.Equal(t, said(t, g.file), said(t, again))
		})
	}
}

// The events of a golden, written by a FileWriter, say the same when they are read
// again.
func TestGoldensThatAFileWriterWritesSayTheSame(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
			require.NoError(t, err)
			for e, err := range eventlog.NewReader(bytes.NewReader(g.file), eventlog.ReaderConfig{}).Events() {
				require.NoError(t, err)
				m, err := e.Proto()
				require.NoError(t, err)
				require.NoError(t, w.AddEvent(m))
			}
			require.NoError(t, w.Close())
			var written []string
			for e, err := range eventlog.Events(t.Context(), dir, eventlog.Config{}) {
				require.NoError(t, err)
				written = append(written, sentences(t, e)...)
			}
			require.Equal(t, said(t, g.file), written[1:], "but for the writer's own version")
		})
	}
}
