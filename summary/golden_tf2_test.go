package summary_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// callTF2 makes a call of TensorFlow's second API or of TensorBoard's functions.
func (p *goldenPlayer) callTF2(c goldenCall) error {
	p.Helper()
	w, step, name := p.writer(c), c.int("step"), c.str("name")+c.str("tag")
	if c["args"] != nil && !c.has("step") {
		step = summary.CurrentStep
	}
	data := c.array("data")
	most := 3
	if c.has("max_outputs") {
		most = int(c.int("max_outputs"))
	}
	add := func(v summary.Value, err error) error {
		if err != nil {
			return err
		}
		return w.Add(step, v.Described(c.str("display_name"), c.str("description")))
	}
	switch call := c.str("call"); call {
	case "set_step":
		w.SetStep(c.int("step")) // there is no way back to none
	case "record_if":
		if string(c["on"]) == "true" {
			return p.each(c)
		}
	case "scope":
		scoped := goldenPlayer{T: p.T, files: map[string]*summary.FileWriter{".": {Writer: *w.Scope(c.str("scope"))}}}
		return scoped.each(c)
	case "scalar", "writer_add_scalar":
		return add(summary.ScalarValue(name, c.float("data")), nil)
	case "histogram":
		var n *int
		if c.has("buckets") {
			b := int(c.int("buckets"))
			n = &b
		}
		if data.DType == "float32" || data.DType == "float16" {
			return add(summary.HistogramBucketsValue(name, numbers[float32](data), buckets(n)))
		}
		return add(summary.HistogramBucketsValue(name, numbers[float64](data), buckets(n)))
	case "image":
		images, err := p.pictures(data, summary.ScaleUnit, most)
		if err != nil {
			return err
		}
		return add(summary.ImagesValue(name, images...))
	case "audio":
		return add(summary.AudioValue(name, clips(data, c.float("sample_rate"), most)...))
	case "text":
		values, err := summary.Text("x", "x").AppendValues(nil, fetchedX(p.T, data.value()))
		if err != nil {
			return err
		}
		return add(summary.Retagged(values[0], name), nil)
	case "write":
		return p.writeTF2(c, add)
	case "raw_pb":
		return w.AddSummary(c.summary(), step)
	case "graph":
		return w.AddEvent(&eventpb.Event{What: &eventpb.Event_GraphDef{GraphDef: c.bytes("graph_def")}})
	case "run_metadata":
		encoded := c.bytes("data")
		plugin := summary.Plugin{Name: "graph_run_metadata", Content: []byte("1"), Class: summary.ClassBlobSequence}
		if c.str("fn") == "run_metadata_graphs" {
			plugin.Name, encoded = "graph_run_metadata_graph", nil // which are none
		}
		return w.Tensor(name, plugin, session.Tensor{Shape: []int{1}, Data: []string{string(encoded)}}, step)
	case "trace", "keras_callback":
		return p.replay(p.golden)
	default:
		return p.callTB(c)
	}
	return nil
}

// each makes the calls that are in another one.
func (p *goldenPlayer) each(c goldenCall) error {
	p.Helper()
	for _, inner := range decodeInto[[]goldenCall](c["calls"]) {
		if err := p.callTF2(inner); err != nil {
			return err
		}
	}
	return nil
}

func (p *goldenPlayer) writeTF2(c goldenCall, add func(summary.Value, error) error) error {
	p.Helper()
	plugin := summary.Plugin{Name: "none"}
	if c.has("metadata") {
		m := decodeInto[goldenCall](c["metadata"])
		plugin = summary.Plugin{Name: m.str("plugin_name"), Content: m.bytes("content")}
		plugin.Class = map[string]summary.DataClass{"DATA_CLASS_SCALAR": summary.ClassScalar, "DATA_CLASS_BLOB_SEQUENCE": summary.ClassBlobSequence}[m.str("data_class")]
		v, err := summary.TensorValue(c.str("tag"), plugin, c.array("tensor").tensor())
		return add(v.Described(m.str("display_name"), m.str("description")), err)
	}
	return add(summary.TensorValue(c.str("tag"), plugin, c.array("tensor").tensor()))
}

// callCLU makes a call of CLU's writer.
func (p *goldenPlayer) callCLU(c goldenCall) error {
	p.Helper()
	w, step := p.writer(c), c.int("step")
	each := func(name string, f func(tag string, raw json.RawMessage) error) error {
		all := decodeInto[map[string]json.RawMessage](c.arg(name))
		for _, tag := range slices.Sorted(maps.Keys(all)) {
			if err := f(tag, all[tag]); err != nil {
				return err
			}
		}
		return nil
	}
	switch call := c.str("call"); call {
	case "write_hparams":
		flat := make(summary.HParams)
		for name, x := range decodeInto[map[string]any](c.arg("hparams")) {
			if nested, ok := x.(map[string]any); ok {
				for inner, x := range nested {
					flat[name+"."+inner] = x
				}
				continue
			}
			flat[name] = floatOf(x)
		}
		return w.HParamsStart(summary.HParamsStart{HParams: flat})
	case "write_scalars":
		scalars := make(map[string]float64)
		require.NoError(p, each("scalars", func(tag string, raw json.RawMessage) error {
			scalars[tag] = floatOf(decodeInto[any](raw))
			return nil
		}))
		return w.Scalars(scalars, step)
	case "write_images":
		return each("images", func(tag string, raw json.RawMessage) error {
			a := arrayOf(raw)
			if len(a.Shape) == 3 {
				a.Shape = append([]int{1}, a.Shape...)
			}
			images, err := p.pictures(a, summary.ScaleUnit, math.MaxInt)
			require.NoError(p, err)
			return w.Images(tag, images, step)
		})
	case "write_audios":
		return each("audios", func(tag string, raw json.RawMessage) error {
			return w.Audios(tag, clips(arrayOf(raw), c.float("sample_rate"), math.MaxInt), step)
		})
	case "write_texts":
		return each("texts", func(tag string, raw json.RawMessage) error { return w.Text(tag, decodeInto[string](raw), step) })
	case "write_histograms":
		return each("arrays", func(tag string, raw json.RawMessage) error {
			var n summary.Buckets = summary.DefaultBuckets
			if b, ok := decodeInto[map[string]summary.Buckets](c.arg("num_buckets"))[tag]; ok {
				n = b
			}
			return w.HistogramBuckets(tag, numbers[float32](arrayOf(raw)), n, step)
		})
	case "write_summaries":
		return each("values", func(tag string, raw json.RawMessage) error {
			return w.Tensor(tag, summary.Plugin{Name: c.str("plugin_name")}, arrayOf(raw).tensor(), step)
		})
	default:
		return fmt.Errorf("no call %q", call)
	}
}
