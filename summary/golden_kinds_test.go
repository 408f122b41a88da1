package summary_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// A goldenCall is one call of a real writer's function; which fields there are
// depends on the function.
type goldenCall struct {
	Run, Call string
	Tag       string
	Tensor    goldenArray
	Metadata  *struct {
		PluginName string `json:"plugin_name"`
		Content    struct{ Base64 []byte }
	}
	Step    int64
	Args    goldenArgs
	Layout  json.RawMessage
	HParams json.RawMessage
	Metrics []struct {
		Tag, Group, Description string
		DisplayName             string `json:"display_name"`
		DatasetType             string `json:"dataset_type"`
	}
	Created   float64 `json:"time_created_secs"`
	Started   float64 `json:"start_time_secs"`
	Ended     float64 `json:"end_time_secs"`
	Status    string
	TrialID   string `json:"trial_id"`
	ModelURI  string `json:"model_uri"`
	Monitor   string `json:"monitor_url"`
	GroupName string `json:"group_name"`
	Ops       []struct {
		Op, Name   string
		Tensor     goldenArray
		SampleRate float64 `json:"sample_rate"`
		MaxOutputs int     `json:"max_outputs"`
	}
}

type goldenArgs struct {
	Name, Tag, Description string
	Step                   int64
	GlobalStep             int64 `json:"global_step"`
	Data                   goldenArray
	Labels, Predictions    goldenArray
	Weights                *goldenArray
	NumThresholds          int         `json:"num_thresholds"`
	TP                     goldenArray `json:"true_positive_counts"`
	FP                     goldenArray `json:"false_positive_counts"`
	TN                     goldenArray `json:"true_negative_counts"`
	FN                     goldenArray `json:"false_negative_counts"`
	Precision, Recall      goldenArray
	Vertices, Faces        goldenArray
	Colors                 goldenArray
	Config                 json.RawMessage `json:"config_dict"`
	SampleRate             float64         `json:"sample_rate"`
	MaxOutputs             *int            `json:"max_outputs"`
	Buckets                *int
}

// A goldenArray is an array of one of the writers.
type goldenArray struct {
	DType  string
	Shape  []int
	Data   []any
	Repeat string
	Times  int
}

func numbers[T float32 | float64 | int32 | int64 | uint8](a goldenArray) []T {
	data := make([]T, len(a.Data))
	for i, x := range a.Data {
		switch x := x.(type) {
		case float64:
			data[i] = T(x)
		case bool:
			if x {
				data[i] = 1
			}
		case string:
			f := map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[x]
			data[i] = T(f)
		}
	}
	return data
}

func bools(a goldenArray) []bool {
	data := make([]bool, len(a.Data))
	for i, x := range a.Data {
		data[i] = x == true || x == 1.0
	}
	return data
}

func texts(a goldenArray) []string {
	if a.Times > 0 {
		return []string{strings.Repeat(a.Repeat, a.Times)}
	}
	data := make([]string, len(a.Data))
	for i, x := range a.Data {
		data[i] = x.(string)
	}
	return data
}

func triples[T float32 | int32 | uint8](a goldenArray) [][3]T {
	if a.DType == "" {
		return nil
	}
	flat := numbers[T](a)
	rows := make([][3]T, len(flat)/3)
	for i := range rows {
		rows[i] = [3]T(flat[3*i:])
	}
	return rows
}

func goldenCalls(t *testing.T, golden string) []goldenCall {
	t.Helper()
	b, err := os.ReadFile("testdata/inputs.json")
	require.NoError(t, err)
	var all map[string][]goldenCall
	require.NoError(t, json.Unmarshal(b, &all))
	require.NotEmpty(t, all[golden], golden)
	return all[golden]
}

// goldenValues returns the values of a golden file, one after the other, of all
// events.
func goldenValues(t *testing.T, file string) []*eventpb.Summary_Value {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join("eventlog", "testdata", "goldens.zip"))
	require.NoError(t, err)
	defer archive.Close()
	f, err := archive.Open(file + ".tfevents")
	require.NoError(t, err)
	defer f.Close()
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	var values []*eventpb.Summary_Value
	for _, e := range decode(t, content) {
		values = append(values, e.GetSummary().GetValue()...)
	}
	return values
}

// asMessages returns values as messages.
func asMessages(t *testing.T, values ...summary.Value) []*eventpb.Summary_Value {
	t.Helper()
	e := new(eventpb.Event)
	require.NoError(t, proto.Unmarshal(summary.EncodeEvent(1, 0, true, values...), e))
	return e.GetSummary().GetValue()
}

// plain is a value without what is not binding: who shows it is, by a data class
// of its own or by its plugin, and how a tensor's elements are stored.
func plain(t *testing.T, v *eventpb.Summary_Value) *eventpb.Summary_Value {
	t.Helper()
	v = proto.CloneOf(v)
	if v.Metadata == nil {
		v.Metadata = new(eventpb.SummaryMetadata)
	}
	v.Metadata.DataClass, v.Metadata.DisplayName = 0, ""
	if v.Metadata.PluginData != nil {
		v.Metadata.PluginData.Content = plainContent(t, v.Metadata.PluginData)
	}
	if tensor := v.GetTensor(); tensor != nil {
		tensor.TensorContent = content(tensor)
		tensor.FloatVal, tensor.DoubleVal, tensor.IntVal, tensor.Int64Val, tensor.BoolVal = nil, nil, nil, nil, nil
		if tensor.TensorShape == nil {
			tensor.TensorShape = new(eventpb.TensorShapeProto)
		}
	}
	return v
}

// plainContent orders what is a map in plugin data.
func plainContent(t *testing.T, p *eventpb.SummaryMetadata_PluginData) []byte {
	t.Helper()
	if p.PluginName != "hparams" {
		return p.Content
	}
	data := new(eventpb.HParamsPluginData)
	require.NoError(t, proto.Unmarshal(p.Content, data))
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(data)
	require.NoError(t, err)
	return b
}

// content is the elements of a tensor of numbers as tensor_content has them.
func content(tensor *eventpb.TensorProto) []byte {
	b := tensor.TensorContent
	for _, x := range tensor.FloatVal {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	for _, x := range tensor.DoubleVal {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// requireGolden wants the values to be those of a golden file; tag makes the tag
// that ours has of the golden's.
func requireGolden(t *testing.T, file string, ours []summary.Value, tag func(string) string) {
	t.Helper()
	want := goldenValues(t, file)
	got := asMessages(t, ours...)
	require.Len(t, got, len(want))
	for i := range want {
		w, g := plain(t, want[i]), plain(t, got[i])
		if tag != nil {
			w.Tag = tag(w.Tag)
		}
		require.True(t, proto.Equal(w, g), "value %d of %s\nwant %v\ngot  %v", i, file, w, g)
	}
}

func TestPRCurvesAreThoseOfTensorBoard(t *testing.T) {
	for _, golden := range []string{"tb_pr_curve", "tbx_pr_curve"} {
		var ours []summary.Value
		for _, c := range goldenCalls(t, golden) {
			name := c.Args.Name + c.Args.Tag
			var v summary.Value
			var err error
			if strings.Contains(c.Call, "raw") {
				v, err = summary.PRCurveRawValue(name, summary.PRCurvePoints{
					TruePositives: numbers[float64](c.Args.TP), FalsePositives: numbers[float64](c.Args.FP),
					TrueNegatives: numbers[float64](c.Args.TN), FalseNegatives: numbers[float64](c.Args.FN),
					Precision: numbers[float64](c.Args.Precision), Recall: numbers[float64](c.Args.Recall),
				})
			} else {
				options := summary.PRCurveOptions{NumThresholds: c.Args.NumThresholds}
				if golden == "tbx_pr_curve" {
					options.NumThresholds = min(127, max(options.NumThresholds, 127*boolInt(options.NumThresholds == 0)))
				}
				if c.Args.Weights != nil {
					options.Weights = numbers[float64](*c.Args.Weights)
				}
				v, err = summary.PRCurveValue(name, bools(c.Args.Labels), numbers[float32](c.Args.Predictions), options)
			}
			require.NoError(t, err, name)
			ours = append(ours, v.Described("", c.Args.Description))
		}
		requireGolden(t, golden, ours, func(tag string) string { return strings.TrimSuffix(tag, "/pr_curves") })
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestMeshesAreThoseOfTensorBoard(t *testing.T) {
	var ours []summary.Value
	for _, c := range goldenCalls(t, "tb_mesh") {
		mesh := summary.MeshData{
			Vertices: triples[float32](c.Args.Vertices), Faces: triples[int32](c.Args.Faces), Colors: triples[uint8](c.Args.Colors),
		}
		if c.Args.Config != nil {
			mesh.Config = strings.NewReplacer(`":`, `": `, `,`, `, `).Replace(string(c.Args.Config)) // as Python's json.dumps
		}
		values, err := summary.MeshValues(c.Args.Name+c.Args.Tag, mesh)
		require.NoError(t, err)
		for _, v := range values {
			ours = append(ours, v.Described("", c.Args.Description))
		}
	}
	requireGolden(t, "tb_mesh", ours, nil)
}

func TestHyperparametersAreThoseOfTensorBoard(t *testing.T) {
	made := make(map[string][]summary.Value) // by run
	for _, c := range append(goldenCalls(t, "tb_hparams"), goldenCalls(t, "tb_hparams_noexp")...) {
		var v summary.Value
		var err error
		switch c.Call {
		case "hparams_config":
			v, err = summary.HParamsExperimentValue(experimentOf(t, c))
		case "hparams", "session_start_pb":
			var hparams summary.HParams
			require.NoError(t, json.Unmarshal(c.HParams, &hparams))
			for name, x := range hparams {
				if f, ok := x.(float64); ok && f == math.Trunc(f) {
					hparams[name] = int(f) // what it was in Python
				}
			}
			if _, list := hparams["list"]; list {
				_, err := summary.HParamsStartValue(summary.HParamsStart{HParams: hparams})
				require.EqualError(t, err, `summary: hparam "list": it is a []interface {}, want a string, a bool or a number`)
				delete(hparams, "list")
				continue
			}
			group := c.GroupName
			if c.TrialID != "" {
				group = c.TrialID
			}
			v, err = summary.HParamsStartValue(summary.HParamsStart{HParams: hparams, GroupName: group, Started: unix(c.Started)})
		case "session_end_pb":
			status := map[string]summary.HParamsStatus{
				"STATUS_SUCCESS": summary.StatusSuccess, "STATUS_FAILURE": summary.StatusFailure, "STATUS_RUNNING": summary.StatusRunning,
			}[c.Status]
			v, err = summary.HParamsEndValue(status, unix(c.Ended))
		default:
			continue
		}
		require.NoError(t, err)
		made[c.Run] = append(made[c.Run], v)
	}
	for file, run := range map[string]string{
		"tb_hparams": ".", "tb_hparams__trial0": "trial0", "tb_hparams__trial1": "trial1", "tb_hparams_noexp__a": "a", "tb_hparams_noexp__b": "b",
	} {
		var want []*eventpb.Summary_Value
		for _, v := range goldenValues(t, file) {
			if strings.HasPrefix(v.GetTag(), "_hparams_/") {
				want = append(want, v)
			}
		}
		got := asMessages(t, made[run]...)
		require.Len(t, got, len(want), file)
		for i := range want {
			w, g := plain(t, want[i]), plain(t, got[i])
			require.True(t, proto.Equal(w, g), "value %d of %s\nwant %v\ngot  %v", i, file, w, g)
		}
	}
}

func unix(secs float64) time.Time {
	if secs == 0 {
		return time.Time{}
	}
	whole := math.Floor(secs)
	return time.Unix(int64(whole), int64((secs-whole)*1e9))
}

func experimentOf(t *testing.T, c goldenCall) summary.HParamsExperiment {
	t.Helper()
	var infos []struct {
		Name, Description string
		DisplayName       string `json:"display_name"`
		Domain            struct {
			Type     string
			Min, Max float64
			Values   []any
		}
	}
	require.NoError(t, json.Unmarshal(c.HParams, &infos))
	e := summary.HParamsExperiment{Created: unix(c.Created)}
	for _, h := range infos {
		e.HParams = append(e.HParams, summary.HParamInfo{
			Name: h.Name, DisplayName: h.DisplayName, Description: h.Description, Values: h.Domain.Values, Min: h.Domain.Min, Max: h.Domain.Max,
		})
	}
	for _, m := range c.Metrics {
		e.Metrics = append(e.Metrics, summary.HParamMetric{
			Tag: m.Tag, Group: m.Group, DisplayName: m.DisplayName, Description: m.Description,
			Dataset: map[string]summary.HParamDataset{"TRAINING": summary.DatasetTraining, "VALIDATION": summary.DatasetValidation}[m.DatasetType],
		})
	}
	return e
}

func TestLayoutsAreThoseOfTensorBoard(t *testing.T) {
	var layout struct {
		Category []struct {
			Title  string
			Closed bool
			Chart  []struct {
				Title     string
				Multiline struct{ Tag []string }
				Margin    struct{ Series []summary.LayoutBand }
			}
		}
	}
	require.NoError(t, json.Unmarshal(goldenCalls(t, "tb_custom_scalars")[0].Layout, &layout))
	var ours summary.Layout
	for _, c := range layout.Category {
		category := summary.LayoutCategory{Title: c.Title, Closed: c.Closed}
		for _, chart := range c.Chart {
			category.Charts = append(category.Charts, summary.LayoutChart{Title: chart.Title, Tags: chart.Multiline.Tag, Bands: chart.Margin.Series})
		}
		ours.Categories = append(ours.Categories, category)
	}
	v, err := summary.CustomScalarsValue(ours)
	require.NoError(t, err)
	want, got := plain(t, goldenValues(t, "tb_custom_scalars")[0]), plain(t, asMessages(t, v)[0])
	require.True(t, proto.Equal(want, got), "want %v\ngot  %v", want, got)
}

func TestTextsAreThoseOfTensorFlow(t *testing.T) {
	op := summary.Text("x", "x")
	var ours []summary.Value
	var want []*eventpb.Summary_Value
	golden := goldenValues(t, "tf2_text")
	for i, c := range goldenCalls(t, "tf2_text") {
		data := texts(c.Args.Data)
		if c.Args.Data.Times > 0 {
			c.Args.Data.Shape = nil
		}
		fetched := session.TensorValue(session.Tensor{Shape: c.Args.Data.Shape, Data: data})
		values, err := op.AppendValues(nil, fetchedX(t, fetched))
		if len(c.Args.Data.Shape) > 2 || len(data) == 0 {
			require.ErrorContains(t, err, "want at most two dimensions, none of them 0", c.Args.Name)
			continue // readers show a part of it, or nothing
		}
		require.NoError(t, err, c.Args.Name)
		ours = append(ours, values[0].Described("", c.Args.Description))
		golden[i].Tag = "x"
		want = append(want, golden[i])
	}
	for i, got := range asMessages(t, ours...) {
		w, g := plain(t, want[i]), plain(t, got)
		require.True(t, proto.Equal(w, g), "want %v\ngot  %v", w, g)
	}
}

func clips(a goldenArray, rate float64, most int) []summary.Clip {
	samples, channels := numbers[float32](a), 1
	size := a.Shape[1]
	if len(a.Shape) == 3 {
		channels = a.Shape[2]
		size *= channels
	}
	var clips []summary.Clip
	for i := range min(a.Shape[0], most) {
		clips = append(clips, summary.Clip{Samples: samples[i*size : (i+1)*size], SampleRate: rate, Channels: channels})
	}
	return clips
}

// TensorFlow 2 writes a label beside each clip, which readers drop.
func TestSoundsAreThoseOfTensorFlow(t *testing.T) {
	golden := goldenValues(t, "tf2_audio")
	for i, c := range goldenCalls(t, "tf2_audio") {
		most := 3
		if c.Args.MaxOutputs != nil {
			most = *c.Args.MaxOutputs
		}
		v, err := summary.AudioValue(c.Args.Name, clips(c.Args.Data, c.Args.SampleRate, most)...)
		require.NoError(t, err)
		got := asMessages(t, v.Described("", c.Args.Description))[0].GetTensor().GetStringVal()
		want := golden[i].GetTensor().GetStringVal()
		require.Len(t, got, len(want)/2)
		for j := range got {
			require.True(t, bytes.Equal(want[2*j], got[j]), "clip %d of %q", j, c.Args.Name)
		}
	}

	v1 := goldenValues(t, "tf1_audio")
	at := 0
	for _, c := range goldenCalls(t, "tf1_audio") {
		for _, op := range c.Ops {
			values, err := summary.AudioV1(op.Name, "x", op.SampleRate, op.MaxOutputs).AppendValues(nil,
				fetchedX(t, session.TensorOf(numbers[float32](op.Tensor), op.Tensor.Shape...)))
			require.NoError(t, err)
			for _, got := range asMessages(t, values...) {
				require.True(t, proto.Equal(v1[at], got), "want %v\ngot  %v", v1[at], got)
				at++
			}
		}
	}
	require.Equal(t, len(v1), at)
}

func TestTensorsAreThoseOfTensorFlow(t *testing.T) {
	golden := goldenValues(t, "tf2_tensor")
	compared := 0
	for i, c := range goldenCalls(t, "tf2_tensor") {
		a := c.Tensor
		var data any
		switch a.DType {
		case "float32":
			data = numbers[float32](a)
		case "float64":
			data = numbers[float64](a)
		case "int64":
			continue // the number in the file is not one that JSON has
		case "uint8":
			data = numbers[uint8](a)
		case "bool":
			data = bools(a)
		case "string":
			data = texts(a)
		default:
			continue // float16
		}
		plugin, content := "p", []byte(nil)
		if c.Metadata != nil {
			plugin, content = c.Metadata.PluginName, c.Metadata.Content.Base64
		}
		v, err := summary.TensorValue(c.Tag, summary.Plugin{Name: plugin, Content: content}, session.Tensor{Shape: a.Shape, Data: data})
		require.NoError(t, err, c.Tag)
		w, g := plain(t, golden[i]), plain(t, asMessages(t, v)[0])
		if w.GetMetadata().GetPluginData() == nil { // TensorBoard would not list it
			g.Metadata.PluginData = nil
		}
		w.Metadata.SummaryDescription = ""
		require.True(t, proto.Equal(w, g), "want %v\ngot  %v", w, g)
		compared++
	}
	require.GreaterOrEqual(t, compared, 7)
}

func TestHistogramsOfEqualBucketsAreThoseOfTensorFlow(t *testing.T) {
	golden := goldenValues(t, "tf2_histogram")
	compared := 0
	for i, c := range goldenCalls(t, "tf2_histogram") {
		if c.Args.Name == "nonfinite" || c.Args.Data.DType == "float16" {
			continue // which come to nothing there; the other is no type of Go
		}
		buckets := summary.DefaultBuckets
		if c.Args.Buckets != nil {
			buckets = *c.Args.Buckets
		}
		var v summary.Value
		var err error
		if c.Args.Data.DType == "float32" {
			v, err = summary.HistogramBucketsValue(c.Args.Name, numbers[float32](c.Args.Data), buckets)
		} else {
			v, err = summary.HistogramBucketsValue(c.Args.Name, numbers[float64](c.Args.Data), buckets)
		}
		require.NoError(t, err)
		w, g := plain(t, golden[i]), plain(t, asMessages(t, v.Described("", c.Args.Description))[0])
		require.True(t, proto.Equal(w, g), "%s\nwant %v\ngot  %v", c.Args.Name, w, g)
		compared++
	}
	require.Equal(t, 11, compared)
}
