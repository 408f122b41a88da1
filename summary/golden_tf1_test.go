package summary_test

import (
	"encoding/json"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// callTF1 makes a call of TensorFlow's v1 API or of TensorBoard's old ops.
func (p *goldenPlayer) callTF1(c goldenCall) error {
	p.Helper()
	w, step := p.writer(c), c.int("step")
	switch call := c.str("call"); call {
	case "summary":
		return p.summaryTF1(w, step, c)
	case "raw_scalar_summary":
		var values []summary.Value
		for i, x := range numbers[float64](c.array("values")) {
			values = append(values, summary.ScalarValue(decodeInto[[]string](c["tags"])[i], x))
		}
		return w.Add(step, values...)
	case "summary_proto":
		return w.AddSummary(c.summary(), step)
	case "add_graph":
		return w.AddEvent(&eventpb.Event{Step: step, What: &eventpb.Event_GraphDef{GraphDef: c.bytes("graph_def")}})
	case "run_metadata":
		return w.AddEvent(&eventpb.Event{Step: step, What: &eventpb.Event_TaggedRunMetadata{TaggedRunMetadata: &eventpb.TaggedRunMetadata{
			Tag: c.str("tag"), RunMetadata: c.bytes("run_metadata"),
		}}})
	case "session_log":
		return w.AddSessionLog(&eventpb.SessionLog{
			Status: eventpb.SessionLog_Status(eventpb.SessionLog_Status_value[c.str("status")]), CheckpointPath: c.str("checkpoint_path"), Msg: c.str("msg"),
		}, step)
	case "log_message":
		return w.AddLogMessage(&eventpb.LogMessage{Level: eventpb.LogMessage_Level(eventpb.LogMessage_Level_value[c.str("level")]), Message: c.str("message")}, step)
	case "event_raw":
		e := &eventpb.Event{WallTime: c.float("wall_time"), Step: step}
		if s := c.summary(); len(s.Value) > 0 {
			e.What = &eventpb.Event_Summary{Summary: s}
		}
		return w.AddEvent(e)
	case "close_reopen":
		require.NoError(p, p.run(".").Close())
		return p.run(".").Reopen()
	case "tb_pb":
		return p.callTB(c)
	case "monitored", "run_metadata_real":
		return p.replay(p.golden)
	default:
		p.Fatalf("no call %q", call)
		return nil
	}
}

// A goldenOp is a summary op of TensorFlow's v1 API.
type goldenOp struct {
	Op, Name, Family string
	Scopes           []string
	Tensor           json.RawMessage
	MaxOutputs       *int     `json:"max_outputs"`
	BadColor         []uint16 `json:"bad_color"`
	SampleRate       float64  `json:"sample_rate"`
	DisplayName      string   `json:"display_name"`
	Description      string
	SummaryText      string                  `json:"summary_description"`
	PluginName       string                  `json:"plugin_name"`
	PluginContent    struct{ Base64 []byte } `json:"plugin_content"`
	BucketCount      *int                    `json:"bucket_count"`
	NumThresholds    int                     `json:"num_thresholds"`
}

// summaryTF1 makes the values of ops, each in an event of its own unless merged.
func (p *goldenPlayer) summaryTF1(w *summary.Writer, step int64, c goldenCall) error {
	p.Helper()
	var root summary.NameScope
	var merged []summary.Value
	for _, op := range decodeInto[[]goldenOp](c["ops"]) {
		values, err := p.valuesTF1(&root, op)
		if err != nil {
			p.Logf("%s: %v", op.Name, err)
			continue
		}
		for i := range values {
			values[i] = values[i].Described(op.DisplayName, op.Description+op.SummaryText)
		}
		if merged = append(merged, values...); c.has("merge") {
			continue
		}
		if err := w.Add(step, merged...); err != nil {
			return err
		}
		merged = nil
	}
	return w.Add(step, merged...)
}

func (p *goldenPlayer) valuesTF1(root *summary.NameScope, op goldenOp) ([]summary.Value, error) {
	p.Helper()
	scope := root
	for _, name := range op.Scopes {
		scope = scope.Scope(name)
	}
	if tb, ok := strings.CutPrefix(op.Op, "tb_"); ok {
		return p.valuesTB1(tb, op)
	}
	tag, a := scope.FamilyTag(op.Family, op.Name), arrayOf(op.Tensor)
	most := 3
	if op.MaxOutputs != nil {
		most = *op.MaxOutputs
	}
	var made summary.Op
	switch op.Op {
	case "scalar":
		made, a = summary.Scalar(tag, "x"), a.widened()
	case "histogram":
		made, a = summary.HistogramV1(tag, "x"), a.widened()
	case "image":
		if op.BadColor != nil {
			images, err := summary.Pictures(a.tensor(), summary.PictureOptions{BadColor: []uint8{uint8(op.BadColor[0])}})
			require.NoError(p, err)
			return one(summary.ImageValue(tag+"/image/0", images[0]))
		}
		if a.DType == "float16" {
			images, err := summary.Pictures(a.tensor(), summary.PictureOptions{Half: true})
			require.NoError(p, err)
			return one(summary.ImageValue(tag+"/image/0", images[0]))
		}
		made = summary.Image(tag, "x", most)
	case "audio":
		made = summary.AudioV1(tag, "x", op.SampleRate, most)
	case "text":
		made = summary.Text(tag, "x")
	case "tensor_summary":
		plugin := summary.Plugin{Name: op.PluginName, Content: op.PluginContent.Base64}
		if plugin.Name == "" {
			plugin.Name = "none"
		}
		made = summary.Tensor(tag, "x", plugin)
		if len(a.Shape) == 0 && a.DType == "string" {
			v, err := summary.TensorValue(tag, plugin, a.tensor())
			return one(v, err)
		}
	default:
		p.Fatalf("no op %q", op.Op)
	}
	return made.AppendValues(nil, fetchedX(p.T, a.value()))
}

// valuesTB1 makes the values of an op of TensorBoard's old plugin APIs.
func (p *goldenPlayer) valuesTB1(kind string, op goldenOp) ([]summary.Value, error) {
	p.Helper()
	a := arrayOf(op.Tensor)
	parts := decodeInto[goldenCall](op.Tensor)
	switch kind {
	case "scalar":
		return fine(summary.ScalarValue(op.Name+"/scalar_summary", numbers[float64](a)[0]))
	case "histogram":
		return one(oldHistogram(op.Name+"/histogram_summary", numbers[float32](a), buckets(op.BucketCount)))
	case "image":
		images, err := p.pictures(a, summary.ScaleEach, *op.MaxOutputs)
		require.NoError(p, err)
		return one(summary.ImagesValue(op.Name+"/image_summary", images...))
	case "audio":
		return one(summary.AudioValue(op.Name+"/audio_summary", clips(a, op.SampleRate, 3)...))
	case "text":
		return one(summary.TextValue(op.Name+"/text_summary", texts(a)[0]))
	case "pr_curve":
		return one(summary.PRCurveValue(op.Name+"/pr_curves", bools(parts.array("labels")), numbers[float32](parts.array("predictions")),
			summary.PRCurveOptions{NumThresholds: op.NumThresholds}))
	case "mesh":
		return summary.MeshValues(op.Name, meshOf(parts))
	case "custom_scalar":
		return one(summary.CustomScalarsValue(layoutOf(op.Tensor)))
	}
	p.Fatalf("no op %q", kind)
	return nil, nil
}
