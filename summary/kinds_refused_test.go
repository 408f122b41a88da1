package summary_test

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// A failingFigure cannot draw itself.
type failingFigure struct{}

func (failingFigure) WriteTo(io.Writer) (int64, error) { return 0, errors.New("no ink") }

// An endlessImage is wider than an int can tell.
type endlessImage struct{ image.Image }

func (endlessImage) Bounds() image.Rectangle {
	return image.Rectangle{Min: image.Pt(math.MinInt, 0), Max: image.Pt(math.MaxInt, 1)}
}

type graphOf []session.GraphNode

func (g graphOf) DescribeGraph() []session.GraphNode { return g }

func TestWhatCannotBeShownIsNamedAndNothingIsWritten(t *testing.T) {
	d := someData(t)
	nan, inf := math.NaN(), math.Inf(1)
	var noImage *image.NRGBA
	var noFigure *encodedFigure
	small, large := image.NewGray(image.Rect(0, 0, 2, 2)), image.NewGray(image.Rect(0, 0, 3, 2))
	curve := d.curve
	curve.Recall = curve.Recall[1:]
	f := newMemoryFile()
	file := openOn(t, f, summary.FileWriterConfig{})
	w := &file.Writer
	one := []float32{1}
	for _, c := range []struct {
		err  error
		want string
	}{
		{w.Scalar("", 1, 1), `summary: a value has no tag`},
		{w.Scalar("a\xff", 1, 1), `summary: tag "a\xff" is no valid UTF-8`},
		{w.Scope("a\xff").Scalar("b", 1, 1), `summary: tag "a\xff/b" is no valid UTF-8`},
		{w.Scope("a").Scalar("", 1, 1), `summary: a value has no tag`},
		{w.Scalar("a", 1, summary.CurrentStep), `summary: the step is CurrentStep, and SetStep was not called`},
		{w.Scalars(map[string]float64{"a": 1, "": 2}, 1), `summary: a value has no tag`},
		{w.ExactScalar("", 1, 1), `summary: a value has no tag`},
		{w.Add(1, summary.ScalarValue("a", 1), summary.ScalarValue("a\xff", 1)), `summary: tag "a\xff" is no valid UTF-8`},
		{w.Histogram("a", 3, 1), `summary: histogram "a": values are a int, want a slice of numbers or a tensor`},
		{w.Histogram("a", []string{"1"}, 1), `summary: histogram "a": values are a []string, want a slice of numbers or a tensor`},
		{w.Histogram("a", session.Tensor{Shape: []int{-1}, Data: one}, 1), `summary: histogram "a": tensor shape [-1]: negative dimension`},
		{w.HistogramV1("a", nil, 1), `summary: histogram "a": values are a <nil>, want a slice of numbers or a tensor`},
		{w.NonFinite("a", []bool{true}, 1), `summary: histogram "a": values are a []bool, want a slice of numbers or a tensor`},
		{w.HistogramBuckets("a", one, -1, 1), `summary: histogram "a": histogram: -1 buckets, want 0 to 1048576`},
		{w.HistogramBuckets("a", one, math.MaxInt32, 1), `summary: histogram "a": histogram: 2147483647 buckets, want 0 to 1048576`},
		{w.HistogramRaw("a", []summary.Bucket{{Left: 0, Right: nan, Count: 1}}, 1), `summary: histogram "a": bucket 0 is from 0 to NaN, want finite edges in order`},
		{w.HistogramRaw("a", []summary.Bucket{{Left: 2, Right: 1}}, 1), `summary: histogram "a": bucket 0 is from 2 to 1, want finite edges in order`},
		{w.HistogramRaw("a", []summary.Bucket{{Right: 2}, {Left: 1, Right: 3}}, 1), `summary: histogram "a": bucket 1 begins at 1, before the one before it ends (2)`},
		{w.HistogramRaw("a", []summary.Bucket{{Count: -1}}, 1), `summary: histogram "a": bucket 0 counts -1, want a finite number of 0 or more`},
		{w.HistogramRaw("a", []summary.Bucket{{Count: inf}}, 1), `summary: histogram "a": bucket 0 counts +Inf, want a finite number of 0 or more`},
		{w.Image("a", nil, 1), `summary: image "a": the image is nil`},
		{w.Image("a", noImage, 1), `summary: image "a": the image is nil`},
		{w.Image("a", image.NewGray(image.Rect(0, 0, 0, 3)), 1), `summary: image "a": pixels: height 3 and width 0, want at least 1`},
		{w.Image("a", image.NewUniform(color.White), 1), `summary: image "a": pixels: height 2000000000 × width 2000000000, want less than 536870912 pixels`},
		{w.Images("a", nil, 1), `summary: image "a": no pictures`},
		{w.Images("a", []image.Image{small, noImage}, 1), `summary: image "a": picture 1 is nil`},
		{w.ImageBoxes("a", noImage, nil, 1), `summary: image "a": the image is nil`},
		{w.ImageBoxes("a", small, []summary.Box{{XMax: nan}}, 1), `summary: image "a": pixels: box 0 is from (0, 0) to (NaN, 0), want numbers`},
		{w.EncodedImage("a", nil, 1), `summary: image "a": picture 0 of 0 bytes: image: unknown format`},
		{w.EncodedImages("a", [][]byte{d.encoded[0], []byte("BM")}, 1), `summary: image "a": picture 1 of 2 bytes: image: unknown format`},
		{w.EncodedImages("a", [][]byte{d.encoded[0][:20]}, 1), `summary: image "a": picture 0 of 20 bytes: unexpected EOF`},
		{w.Figure("a", nil, 1), `summary: figure "a": it is nil`},
		{w.Figure("a", noFigure, 1), `summary: figure "a": it is nil`},
		{w.Figure("a", failingFigure{}, 1), `summary: figure "a": no ink`},
		{w.Video("a", summary.Animation{}, 1), `summary: video "a": no frames`},
		{w.Video("a", summary.Animation{Frames: []image.Image{small}, FPS: -1}, 1), `summary: video "a": -1 frames a second, want 0.001526 to 100`},
		{w.Video("a", summary.Animation{Frames: []image.Image{small}, FPS: nan}, 1), `summary: video "a": NaN frames a second, want 0.001526 to 100`},
		{w.Video("a", summary.Animation{Frames: []image.Image{small}, FPS: 0.0015}, 1), `summary: video "a": 0.0015 frames a second, want 0.001526 to 100`},
		{w.Video("a", summary.Animation{Frames: []image.Image{small, nil}}, 1), `summary: video "a": frame 1 is nil`},
		{w.Video("a", summary.Animation{Frames: []image.Image{endlessImage{image.White}}}, 1), `summary: video "a": frame 0 is (-1,1), want the size of the first ((-1,1)), and not empty`},
		{w.Video("a", summary.Animation{Frames: []image.Image{small, large}}, 1), `summary: video "a": frame 1 is (3,2), want the size of the first ((2,2)), and not empty`},
		{w.Video("a", summary.Animation{Frames: []image.Image{image.NewUniform(color.White)}}, 1), `summary: video "a": frame 0 is (2000000000,2000000000), want at most 65535 by 65535`},
		{w.Audio("a", summary.Clip{Samples: one, SampleRate: 0}, 1), `summary: audio "a": clip 0: wav: sample rate 0, want more than 0 and less than 2³²`},
		{w.Audio("a", summary.Clip{Samples: one, SampleRate: 1, Channels: -1}, 1), `summary: audio "a": clip 0: -1 channels, want 1 or more`},
		{w.Audio("a", summary.Clip{Samples: one, SampleRate: 1, Channels: 2}, 1), `summary: audio "a": clip 0: wav: 1 samples, want a multiple of the 2 channels`},
		{w.AudioV1("a", summary.Clip{Samples: one, SampleRate: nan}, 1), `summary: audio "a": wav: sample rate NaN, want more than 0 and less than 2³²`},
		{w.Audios("a", nil, 1), `summary: audio "a": no clips`},
		{w.Text("a", "b\xff", 1), `summary: text "a": string 0 is no valid UTF-8: "b\xff"`},
		{w.TextTable("a", nil, 1), `summary: text "a": the table has no rows`},
		{w.TextTable("a", [][]string{{}}, 1), `summary: text "a": row 0 has 0 cells, want as many as the first (0), and one at least`},
		{w.TextTable("a", [][]string{{"b"}, {"c", "d"}}, 1), `summary: text "a": row 1 has 2 cells, want as many as the first (1), and one at least`},
		{w.Tensor("a", summary.Plugin{}, d.tensor, 1), `summary: tensor "a": plugin name "" is empty or no valid UTF-8`},
		{w.Tensor("a", summary.Plugin{Name: "p", Class: 7}, d.tensor, 1), `summary: tensor "a": Plugin.Class is 7, want ClassTensor, ClassScalar or ClassBlobSequence`},
		{w.Tensor("a", summary.Plugin{Name: "p", Class: summary.ClassScalar}, d.tensor, 1), `summary: tensor "a": a int64 tensor of shape [2 1], want a float32 without dimensions for ClassScalar`},
		{w.Tensor("a", summary.Plugin{Name: "p", Class: summary.ClassBlobSequence}, d.tensor, 1), `summary: tensor "a": a int64 tensor of shape [2 1], want strings of one dimension, one at least, for ClassBlobSequence`},
		{w.Tensor("a", summary.Plugin{Name: "p"}, session.Tensor{Shape: []int{math.MaxInt, 2}, Data: one}, 1), fmt.Sprintf(`summary: tensor "a": tensor shape [%d 2]: too many elements`, math.MaxInt)},
		{w.PRCurve("a", d.labels, d.guesses[1:], summary.PRCurveOptions{}, 1), `summary: PR curve "a": 3 labels and 2 predictions`},
		{w.PRCurve("a", d.labels, d.guesses, summary.PRCurveOptions{NumThresholds: 1}, 1), `summary: PR curve "a": 1 thresholds, want 2 to 1048576`},
		{w.PRCurve("a", d.labels, d.guesses, summary.PRCurveOptions{NumThresholds: math.MaxInt32}, 1), `summary: PR curve "a": 2147483647 thresholds, want 2 to 1048576`},
		{w.PRCurve("a", d.labels, d.guesses, summary.PRCurveOptions{Weights: []float64{1}}, 1), `summary: PR curve "a": 1 weights and 3 predictions`},
		{w.PRCurve("a", []bool{true}, []float32{2}, summary.PRCurveOptions{}, 1), `summary: PR curve "a": prediction 0 is 2, want 0 to 1`},
		{w.PRCurve("a", []bool{true}, []float32{float32(nan)}, summary.PRCurveOptions{}, 1), `summary: PR curve "a": prediction 0 is NaN, want 0 to 1`},
		{w.PRCurve("a", []bool{true}, one, summary.PRCurveOptions{Weights: []float64{-1}}, 1), `summary: PR curve "a": weight 0 is -1, want a finite number of 0 or more`},
		{w.PRCurveRaw("a", summary.PRCurvePoints{}, 1), `summary: PR curve "a": 0 points, want at least 2`},
		{w.PRCurveRaw("a", curve, 1), `summary: PR curve "a": 4 Recall, want as many as there are TruePositives (5)`},
		{w.Mesh("a", summary.MeshData{}, 1), `summary: mesh "a": no vertices`},
		{w.Mesh("a", summary.MeshData{Vertices: [][3]float32{{0, float32(nan), 0}}}, 1), `summary: mesh "a": vertex 0 is [0 NaN 0], want finite numbers`},
		{w.Mesh("a", summary.MeshData{Vertices: d.mesh.Vertices, Faces: [][3]int32{{0, 1, 3}}}, 1), `summary: mesh "a": face 0 has the corner 3, and there are 3 vertices`},
		{w.Mesh("a", summary.MeshData{Vertices: d.mesh.Vertices, Faces: [][3]int32{{0, -1, 2}}}, 1), `summary: mesh "a": face 0 has the corner -1, and there are 3 vertices`},
		{w.Mesh("a", summary.MeshData{Vertices: d.mesh.Vertices, Colors: [][3]uint8{{}}}, 1), `summary: mesh "a": 1 colors for 3 vertices`},
		{w.Mesh("a", summary.MeshData{Vertices: d.mesh.Vertices, Config: "{"}, 1), `summary: mesh "a": the config is no JSON: "{"`},
		{w.Mesh("", d.mesh, 1), `summary: mesh "": it has no name`},
		{w.Mesh("a\xff", d.mesh, 1), `summary: mesh "a\xff": its name is no valid UTF-8`},
		{w.CustomScalars(summary.Layout{}, 1), `summary: layout: it has no categories`},
		{w.CustomScalars(summary.Layout{Categories: []summary.LayoutCategory{{Title: "c", Charts: []summary.LayoutChart{{Title: "h"}}}}}, 1), `summary: layout: chart "h" of category "c": it has 0 tags and 0 bands, want either`},
		{w.CustomScalars(summary.Layout{Categories: []summary.LayoutCategory{{Title: "c", Charts: []summary.LayoutChart{{Title: "h", Tags: []string{""}}}}}}, 1), `summary: layout: chart "h" of category "c": tag 0 is empty`},
		{w.CustomScalars(summary.Layout{Categories: []summary.LayoutCategory{{Title: "c", Charts: []summary.LayoutChart{{Title: "h", Bands: []summary.LayoutBand{{Value: "v", Lower: "l"}}}}}}}, 1), `summary: layout: chart "h" of category "c": band 0 lacks a tag: {Value:v Lower:l Upper:}`},
		{w.CustomScalars(summary.Layout{Categories: []summary.LayoutCategory{{Title: "c\xff"}}}, 1), `summary: layout: category "c\xff": its title is no valid UTF-8`},
		{w.HParamsStart(summary.HParamsStart{HParams: summary.HParams{"": 1}}), `summary: hparam name "" is empty or no valid UTF-8`},
		{w.HParamsStart(summary.HParamsStart{HParams: summary.HParams{"a\xff": 1}}), `summary: hparam name "a\xff" is empty or no valid UTF-8`},
		{w.HParamsStart(summary.HParamsStart{HParams: summary.HParams{"a": []int{1}}}), `summary: hparam "a": it is a []int, want a string, a bool or a number`},
		{w.HParamsStart(summary.HParamsStart{HParams: summary.HParams{"a": nan}}), `summary: hparam "a": it is NaN, want a finite number`},
		{w.HParamsStart(summary.HParamsStart{HParams: summary.HParams{"a": "b\xff"}}), `summary: hparam "a": "b\xff" is no valid UTF-8`},
		{w.HParamsStart(summary.HParamsStart{GroupName: "g\xff"}), `summary: hparams: string field contains invalid UTF-8`},
		{w.HParamsEnd(9), `summary: hparams: status 9, want 0 to 3`},
		{w.HParamsExperiment(summary.HParamsExperiment{HParams: []summary.HParamInfo{{}}}), `summary: hparam "": it has no name`},
		{w.HParamsExperiment(summary.HParamsExperiment{HParams: []summary.HParamInfo{{Name: "a", Type: 9}}}), `summary: hparam "a": its type is 9, want 0 to 3`},
		{w.HParamsExperiment(summary.HParamsExperiment{HParams: []summary.HParamInfo{{Name: "a", Min: 2, Max: 1}}}), `summary: hparam "a": its interval is from 2 to 1, want finite ends in order`},
		{w.HParamsExperiment(summary.HParamsExperiment{HParams: []summary.HParamInfo{{Name: "a", Min: nan, Max: 1}}}), `summary: hparam "a": its interval is from NaN to 1, want finite ends in order`},
		{w.HParamsExperiment(summary.HParamsExperiment{HParams: []summary.HParamInfo{{Name: "a", Values: []any{1, "b"}}}}), `summary: hparam "a": values 1 and b are of different types`},
		{w.HParamsExperiment(summary.HParamsExperiment{HParams: []summary.HParamInfo{{Name: "a", Type: summary.TypeBool, Values: []any{1}}}}), `summary: hparam "a": its type is DATA_TYPE_BOOL, and its domain has DATA_TYPE_FLOAT64`},
		{w.HParamsExperiment(summary.HParamsExperiment{HParams: []summary.HParamInfo{{Name: "a", Values: []any{1}, Max: 1}}}), `summary: hparam "a": it has Values and an interval from 0 to 1, want at most one`},
		{w.HParamsExperiment(summary.HParamsExperiment{Metrics: []summary.HParamMetric{{}}}), `summary: metric 0 of the hparams has no tag`},
		{w.HParamsExperiment(summary.HParamsExperiment{Metrics: []summary.HParamMetric{{Tag: "a", Dataset: 3}}}), `summary: metric "a" of the hparams: data set 3, want 0 to 2`},
		{w.RunMetadata("a", nil, 1), `summary: run metadata "a": it is nil`},
		{w.AddRunMetadata(nil, "a", 1), `summary: AddRunMetadata: the metadata is nil`},
		{w.AddRunMetadata(&session.RunMetadata{}, "", 1), `summary: a value has no tag`},
		{w.RunMetadata("a", &session.RunMetadata{Nodes: []session.NodeStats{{Name: "n\xff", Start: time.Unix(1, 0)}}}, 1), `summary: run metadata: node name "n\xff" is no valid UTF-8`},
		{w.KerasModel("a", "{", 1), `summary: Keras model "a": it is no JSON: "{"`},
		{w.AddGraph(nil, 1), `summary: AddGraph: the graph is nil`},
		{w.AddGraph(graphOf{{Name: "n"}, {Name: "n"}}, 1), `summary: graph: two nodes are named "n"`},
		{w.AddGraph(graphOf{{Name: "n", Op: "o\xff"}}, 1), `summary: graph: node "n" has the op "o\xff", which is no valid UTF-8`},
		{w.AddGraph(graphOf{{Name: "n", Inputs: []string{"m"}}}, 1), `summary: graph: node "n" has the input "m", which is no node`},
		{w.AddLogMessage(nil, 1), `summary: AddLogMessage: the message is nil`},
		{w.AddSessionLog(nil, 1), `summary: AddSessionLog: the session log is nil`},
		{w.AddSummary(&eventpb.Summary{Value: []*eventpb.Summary_Value{{Tag: "a"}, {}}}, 1), `summary: a value has no tag`},
		{w.AddSummary(&eventpb.Summary{Value: []*eventpb.Summary_Value{{Tag: "a", NodeName: "\xff"}}}, 1), `summary: value "a": string field contains invalid UTF-8`},
		{w.AddSummary(&eventpb.Summary{Value: []*eventpb.Summary_Value{nil}}, 1), `summary: a value has no tag`},
		{w.AddEvent(nil), `summary: AddEvent: the event is nil`},
	} {
		require.NotNil(t, c.err, c.want)
		require.Equal(t, c.want, strings.ReplaceAll(c.err.Error(), "\u00a0", " ")) // protobuf's own
	}
	require.NoError(t, file.Close())
	require.Empty(t, withoutVersion(t, decode(t, f.contents())))
}

func TestAWriterToNilReturnsErrors(t *testing.T) {
	for _, sink := range []summary.Sink{nil, (*summary.FileWriter)(nil)} {
		w := summary.NewWriter(sink)
		for _, err := range []error{
			w.Scalar("a", 1, 1), w.Image("a", image.NewGray(image.Rect(0, 0, 1, 1)), 1), w.AddSessionLog(&eventpb.SessionLog{}, 1), w.Flush(), w.Close(),
		} {
			require.EqualError(t, err, "summary: the writer's sink is nil")
		}
	}
}
