package summary_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// callTB makes a call of one of TensorBoard's functions.
func (p *goldenPlayer) callTB(c goldenCall) error {
	p.Helper()
	w, step, name := p.writer(c), c.int("step"), c.str("name")+c.str("tag")
	add := func(values ...summary.Value) error {
		for i, v := range values {
			values[i] = v.Described(c.str("display_name"), c.str("description"))
		}
		return w.Add(step, values...)
	}
	one := func(v summary.Value, err error) error {
		if err != nil {
			return err
		}
		return add(v)
	}
	call := c.str("call")
	if c.has("fn") {
		call = c.str("fn")
	}
	suffix := map[bool]string{true: strings.TrimSuffix(call, "_pb") + "_summary"}[c.str("call") == "tb_pb"]
	if suffix != "" {
		name += "/"
	}
	switch call {
	case "event_file_writer":
		e := &eventpb.Event{WallTime: c.float("wall_time"), Step: step, What: &eventpb.Event_Summary{Summary: c.summary()}}
		return w.AddEvent(e)
	case "scalar_pb":
		return add(summary.ScalarValue(name+suffix, c.float("data")))
	case "histogram_pb":
		n := summary.Buckets(c.int("buckets") + c.int("bucket_count"))
		if n == 0 {
			n = summary.DefaultBuckets
		}
		if suffix != "" {
			return one(oldHistogram(name+suffix, numbers[float32](c.array("data")), n))
		}
		return one(summary.HistogramBucketsValue(name, numbers[float32](c.array("data")), n))
	case "image_pb":
		images, err := p.pictures(c.array("images"), summary.ScaleEach, 3)
		require.NoError(p, err)
		return one(summary.ImagesValue(name+suffix, images...))
	case "audio_pb":
		return one(summary.AudioValue(name+suffix, clips(c.array("audio"), c.float("sample_rate"), 3)...))
	case "text_pb":
		if rows, ok := decodeInto[any](c.arg("data")).([]any); ok {
			var table [][]string
			for _, row := range rows {
				var cells []string
				for _, cell := range row.([]any) {
					cells = append(cells, cell.(string))
				}
				table = append(table, cells)
			}
			return one(summary.TextTableValue(name+suffix, table))
		}
		values, err := summary.Text("x", "x").AppendValues(nil, fetchedX(p.T, c.array("data").value()))
		require.NoError(p, err)
		return add(summary.Retagged(values[0], name+suffix))
	case "pr_curve_pb":
		if suffix != "" {
			name += "pr_curves"
		} else {
			name += "/pr_curves"
		}
		options := summary.PRCurveOptions{NumThresholds: int(c.int("num_thresholds"))}
		if c.has("weights") {
			options.Weights = numbers[float64](c.array("weights"))
		}
		return one(summary.PRCurveValue(name, bools(c.array("labels")), numbers[float32](c.array("predictions")), options))
	case "pr_curve_raw_data_pb":
		return one(summary.PRCurveRawValue(name+"/pr_curves", curveOf(c)))
	case "mesh", "mesh_pb":
		values, err := summary.MeshValues(name, meshOf(goldenCall{
			"vertices": c.arg("vertices"), "faces": c.arg("faces"), "colors": c.arg("colors"), "config_dict": c.arg("config_dict"),
		}))
		require.NoError(p, err)
		return add(values...)
	case "custom_scalar_pb":
		return w.CustomScalars(layoutOf(c["layout"]), step)
	case "hparams_config", "experiment_pb":
		return w.HParamsExperiment(experimentOf(c))
	case "hparams", "session_start_pb":
		group := c.str("group_name")
		if trial := c.str("trial_id"); trial != "" {
			group = trial
		}
		return w.HParamsStart(summary.HParamsStart{
			HParams: hparamsOf(c.arg("hparams")), GroupName: group, ModelURI: c.str("model_uri"), MonitorURL: c.str("monitor_url"), Started: unix(c.float("start_time_secs")),
		})
	case "session_end_pb":
		status := map[string]summary.HParamsStatus{
			"STATUS_SUCCESS": summary.StatusSuccess, "STATUS_FAILURE": summary.StatusFailure, "STATUS_RUNNING": summary.StatusRunning,
		}[c.str("status")]
		v, err := summary.HParamsEndValue(status, unix(c.float("end_time_secs")))
		require.NoError(p, err)
		return w.Add(0, v)
	}
	p.Fatalf("no call %q", call)
	return nil
}

func curveOf(c goldenCall) summary.PRCurvePoints {
	row := func(name string) []float64 { return numbers[float64](c.array(name)) }
	return summary.PRCurvePoints{
		TruePositives: row("true_positive_counts"), FalsePositives: row("false_positive_counts"),
		TrueNegatives: row("true_negative_counts"), FalseNegatives: row("false_negative_counts"), Precision: row("precision"), Recall: row("recall"),
	}
}

// hparamsOf are hyperparameters as Python has them, but lists, which ours refuses,
// and those that are none.
func hparamsOf(raw json.RawMessage) summary.HParams {
	h := make(summary.HParams)
	for name, x := range decodeInto[map[string]any](raw) {
		switch x := x.(type) {
		case json.Number:
			if i, err := x.Int64(); err == nil {
				h[name] = i
				continue
			}
			h[name] = floatOf(x)
		case map[string]any:
			h[name] = floatOf(x)
		case string, bool:
			h[name] = x
		}
	}
	return h
}

func experimentOf(c goldenCall) summary.HParamsExperiment {
	e := summary.HParamsExperiment{Name: c.str("name"), User: c.str("user"), Description: c.str("description"), Created: unix(c.float("time_created_secs"))}
	type info struct {
		Name, Description, Type string
		DisplayName             string `json:"display_name"`
		Domain                  struct {
			Type     string
			Min, Max float64
			Values   []any
		}
		Interval struct {
			Min float64 `json:"min_value"`
			Max float64 `json:"max_value"`
		} `json:"domain_interval"`
	}
	for _, h := range append(decodeInto[[]info](c["hparams"]), decodeInto[[]info](c["hparam_infos"])...) {
		values := h.Domain.Values
		for i, x := range values {
			if n, ok := x.(json.Number); ok {
				values[i] = floatOf(n)
			}
		}
		e.HParams = append(e.HParams, summary.HParamInfo{
			Name: h.Name, DisplayName: h.DisplayName, Description: h.Description, Values: values, Min: h.Domain.Min + h.Interval.Min, Max: h.Domain.Max + h.Interval.Max,
		})
	}
	type metric struct {
		Tag, Group, Description string
		Name                    struct{ Tag, Group string }
		DisplayName             string `json:"display_name"`
		DatasetType             string `json:"dataset_type"`
	}
	for _, m := range append(decodeInto[[]metric](c["metrics"]), decodeInto[[]metric](c["metric_infos"])...) {
		e.Metrics = append(e.Metrics, summary.HParamMetric{
			Tag: m.Tag + m.Name.Tag, Group: m.Group + m.Name.Group, DisplayName: m.DisplayName, Description: m.Description,
			Dataset: map[string]summary.HParamDataset{"TRAINING": summary.DatasetTraining, "VALIDATION": summary.DatasetValidation}[m.DatasetType],
		})
	}
	return e
}

// oldHistogram is by the rule of TensorBoard's old ops: values that are all equal
// make one bucket of width 1, none make no bucket.
func oldHistogram(tag string, values []float32, n summary.Buckets) (summary.Value, error) {
	if len(values) > 0 && slices.Min(values) < slices.Max(values) {
		return summary.HistogramBucketsValue(tag, values, n)
	}
	var rows []summary.Bucket
	if len(values) > 0 {
		v := float64(values[0])
		rows = append(rows, summary.Bucket{Left: v - 0.5, Right: v + 0.5, Count: float64(len(values))})
	}
	return summary.HistogramRawValue(tag, rows)
}

func buckets(n *int) summary.Buckets {
	if n == nil {
		return summary.DefaultBuckets
	}
	return summary.Buckets(*n)
}

func meshOf(c goldenCall) summary.MeshData {
	mesh := summary.MeshData{Vertices: triples[float32](c.array("vertices")), Faces: triples[int32](c.array("faces")), Colors: triples[uint8](c.array("colors"))}
	if c.has("config_dict") {
		var compact bytes.Buffer
		if err := json.Compact(&compact, c.arg("config_dict")); err != nil {
			panic(err)
		}
		mesh.Config = strings.NewReplacer(`":`, `": `, `,`, `, `).Replace(compact.String()) // as Python's json.dumps
	}
	return mesh
}

func layoutOf(raw json.RawMessage) (ours summary.Layout) {
	layout := decodeInto[struct {
		Category []struct {
			Title  string
			Closed bool
			Chart  []struct {
				Title     string
				Multiline struct{ Tag []string }
				Margin    struct{ Series []summary.LayoutBand }
			}
		}
	}](raw)
	for _, c := range layout.Category {
		category := summary.LayoutCategory{Title: c.Title, Closed: c.Closed}
		for _, chart := range c.Chart {
			category.Charts = append(category.Charts, summary.LayoutChart{Title: chart.Title, Tags: chart.Multiline.Tag, Bands: chart.Margin.Series})
		}
		ours.Categories = append(ours.Categories, category)
	}
	return ours
}
