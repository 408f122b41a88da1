package readers_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventpb"
)

// An awkwardRun writes the files of a run that does what runs should not do:
// restarts, late steps, series that change their kind, metadata that comes late
// or contradicts itself, damaged files. The same seed writes the same files.
type awkwardRun struct {
	rand  *rand.Rand
	odd   float64 // how likely each thing is to be odd
	files map[string][]byte
	step  int64
	wall  float64
	kinds map[string]int // by tag, the usual one
}

// awkward returns the files of a run by name.
func awkward(seed uint64) map[string][]byte {
	r := &awkwardRun{rand: rand.New(rand.NewPCG(seed, 1)), files: make(map[string][]byte), wall: 1577836800, kinds: make(map[string]int)}
	r.odd = pick(r, 0.01, 0.05, 0.2, 0.4)
	for i := range 1 + r.rand.IntN(3) {
		r.files[fmt.Sprintf("events.out.tfevents.%d.case", 1577836800+i)] = r.file()
	}
	if r.oddly() {
		r.files["events.out.tfevents.1577836799.case"] = nil
	}
	if r.oddly() {
		r.files["events.out.tfevents.1577836805.case.profile-empty"] = r.file()
	}
	return r.files
}

func pick[T any](r *awkwardRun, of ...T) T { return of[r.rand.IntN(len(of))] }

// usually is the first one unless something odd happens.
func usually[T any](r *awkwardRun, usual T, odd ...T) T {
	if r.oddly() {
		return pick(r, odd...)
	}
	return usual
}

func (r *awkwardRun) oddly() bool { return r.rand.Float64() < r.odd }

func (r *awkwardRun) file() []byte {
	var out []byte
	add := func(e *eventpb.Event) {
		payload, err := proto.Marshal(e)
		if err != nil {
			panic(err)
		}
		at := len(out)
		out = tfrecord.Append(out, payload)
		if !r.oddly() {
			return
		}
		switch r.rand.IntN(12) {
		case 0, 1, 2: // a byte of the payload
			if len(payload) > 0 {
				out[at+tfrecord.HeaderSize+r.rand.IntN(len(payload))] ^= 1 << r.rand.IntN(8)
			}
		case 3: // the payload's checksum
			out[len(out)-1] ^= 4
		case 4: // the length's
			out[at+9] ^= 4
		case 5: // a field of another wire type, which some decoders pass over
			out = tfrecord.Append(out, []byte{0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x12, 0x01, 0x00})
		case 6: // no message
			out = tfrecord.Append(out, []byte{0x09, 1, 2})
		case 7:
			out = tfrecord.Append(out, nil)
		case 8:
			out = out[:len(out)-1-r.rand.IntN(len(out)-at-1)]
		}
	}
	if !r.oddly() {
		add(r.event(&eventpb.Event{What: &eventpb.Event_FileVersion{FileVersion: usually(r, "brain.Event:2", "brain.Event:1", "brain.Event:3", "2.0", "x", "brain.Event: 2 ", "brain.Event:nan")}}))
	}
	for range r.rand.IntN(14) {
		r.advance()
		add(r.event(r.something()))
	}
	if r.oddly() {
		out = append(out, make([]byte, 24)...)
	}
	return out
}

// advance moves step and clock on, as a rule.
func (r *awkwardRun) advance() {
	r.wall++
	r.step += usually[int64](r, 1, 0, 0, -1, -3, 10)
	if r.oddly() {
		r.step = pick[int64](r, 0, -1, 5, 1<<53+1, math.MaxInt64)
	}
	if r.step > 1<<60 && r.rand.IntN(2) == 0 {
		r.step = 0
	}
}

func (r *awkwardRun) event(e *eventpb.Event) *eventpb.Event {
	e.Step, e.WallTime = r.step, r.wall
	if r.oddly() && r.rand.IntN(5) == 0 {
		e.WallTime = pick(r, math.NaN(), math.Inf(1), math.Inf(-1), 0, -5)
	}
	return e
}

// something is an event's content.
func (r *awkwardRun) something() *eventpb.Event {
	if !r.oddly() {
		s := &eventpb.Summary{}
		for range usually(r, 1+r.rand.IntN(2), 0, 4) {
			s.Value = append(s.Value, r.value())
		}
		return &eventpb.Event{What: &eventpb.Event_Summary{Summary: s}}
	}
	switch r.rand.IntN(8) {
	case 0:
		return &eventpb.Event{What: &eventpb.Event_GraphDef{GraphDef: r.graph()}}
	case 1:
		graph := r.graph()
		return &eventpb.Event{What: &eventpb.Event_MetaGraphDef{MetaGraphDef: append([]byte{0x12, byte(len(graph))}, graph...)}}
	case 2:
		return &eventpb.Event{What: &eventpb.Event_TaggedRunMetadata{TaggedRunMetadata: &eventpb.TaggedRunMetadata{Tag: pick(r, "step_1", "step_2"), RunMetadata: nil}}}
	case 3:
		return &eventpb.Event{What: &eventpb.Event_FileVersion{FileVersion: pick(r, "brain.Event:1", "brain.Event:2")}}
	case 4:
		return &eventpb.Event{What: &eventpb.Event_SessionLog{SessionLog: &eventpb.SessionLog{Status: pick(r, eventpb.SessionLog_STOP, eventpb.SessionLog_CHECKPOINT)}}}
	}
	r.step = max(0, r.step-int64(r.rand.IntN(4)))
	return &eventpb.Event{What: &eventpb.Event_SessionLog{SessionLog: &eventpb.SessionLog{Status: eventpb.SessionLog_START}}}
}

func (r *awkwardRun) graphOK() []byte {
	name := pick(r, "first", "second")
	node := append([]byte{0x0a, byte(len(name))}, name...)
	return append([]byte{0x0a, byte(len(node))}, node...)
}

func (r *awkwardRun) graph() []byte { return usually(r, r.graphOK(), []byte{0xff}, []byte{0x0a, 9}) }

// The kinds of values.
const (
	awkwardSimple = iota
	awkwardScalar
	awkwardHisto
	awkwardRows
	awkwardImage
	awkwardImages
	awkwardAudio
	awkwardClips
	awkwardText
	awkwardCurve
	awkwardOwn
	awkwardHParams
	awkwardKeras
	awkwardNothing
	awkwardKinds
)

var awkwardPlugins = [awkwardKinds]string{
	"scalars", "scalars", "histograms", "histograms", "images", "images", "audio", "audio", "text", "pr_curves", "own", "hparams", "graph_keras_model", "scalars",
}

var awkwardClass = map[string]eventpb.DataClass{
	"scalars": 1, "histograms": 2, "images": 3, "audio": 3, "text": 2, "pr_curves": 2, "own": 2, "hparams": 2, "graph_keras_model": 3,
}

func (r *awkwardRun) value() *eventpb.Summary_Value {
	tag := usually(r, pick(r, "a", "b", "c/d", "e"), "", "__run_graph__", "step_1")
	kind, ok := r.kinds[tag]
	if !ok {
		kind = r.rand.IntN(awkwardKinds - 1)
		r.kinds[tag] = kind
	}
	kind = usually(r, kind, awkwardNothing, r.rand.IntN(awkwardKinds), awkwardSimple)
	if kind == awkwardHParams {
		tag = usually(r, sessionStart, tag)
	}
	v := &eventpb.Summary_Value{Tag: tag, NodeName: usually(r, "", "node")}
	r.fill(v, kind)
	r.describe(v, awkwardPlugins[kind], kind == awkwardSimple || kind == awkwardHisto || kind == awkwardImage || kind == awkwardAudio)
	return v
}

// describe sets the metadata, which old forms need not have.
func (r *awkwardRun) describe(v *eventpb.Summary_Value, plugin string, old bool) {
	if old != r.oddly() {
		return
	}
	plugin = usually(r, plugin, "", "own", "graphs", "scalars", "distributions", "mine")
	md := &eventpb.SummaryMetadata{PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: plugin}}
	if r.rand.IntN(3) == 0 {
		md.DataClass = awkwardClass[plugin]
	}
	md.DataClass = usually(r, md.DataClass, 0, 1, 2, 3)
	md.DisplayName = usually(r, "", "shown")
	md.SummaryDescription = usually(r, "", "described")
	switch plugin {
	case "graph_keras_model":
		md.PluginData.Content = usually(r, []byte("1"), []byte("2"))
	case "audio":
		md.PluginData.Content = usually(r, []byte{0x10, 11}, nil, []byte{0x08, 1})
	case "hparams":
		md.PluginData.Content = []byte{0x1a, 0}
	default:
		md.PluginData.Content = usually(r, nil, []byte("{}"), []byte{0x08, 1}, []byte{0x08, 0, 0x10, 3}, []byte{0xff})
	}
	v.Metadata = md
	if r.oddly() {
		v.Metadata.PluginData = nil
	}
}

func (r *awkwardRun) fill(v *eventpb.Summary_Value, kind int) {
	f := float32(r.rand.IntN(100)) / 4
	tensor := func(t *eventpb.TensorProto) { v.Value = &eventpb.Summary_Value_Tensor{Tensor: t} }
	switch kind {
	case awkwardSimple:
		v.Value = &eventpb.Summary_Value_SimpleValue{SimpleValue: usually(r, f, float32(math.NaN()), float32(math.Inf(1)), -f)}
	case awkwardScalar:
		tensor(r.scalar(f))
	case awkwardHisto:
		v.Value = &eventpb.Summary_Value_Histo{Histo: r.histo()}
	case awkwardRows:
		n := usually(r, 2, 0, 1)
		t := &eventpb.TensorProto{Dtype: eventpb.DataType_DOUBLE, TensorShape: dims(int64(n), 3)}
		for i := range n * 3 {
			t.DoubleVal = append(t.DoubleVal, float64(i))
		}
		if r.oddly() {
			t.TensorShape = pick(r, dims(int64(n*3)), dims(3, int64(n)), nil, dims(-1, 3), dims(int64(n), -1, 3), dims(-1, -1))
		}
		if r.oddly() {
			t = &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(2, 3), FloatVal: []float32{f}}
		}
		tensor(t)
	case awkwardImage:
		v.Value = &eventpb.Summary_Value_Image{Image: &eventpb.Summary_Image{Width: 1, Height: 2, Colorspace: 3, EncodedImageString: r.picture()}}
	case awkwardAudio:
		v.Value = &eventpb.Summary_Value_Audio{Audio: &eventpb.Summary_Audio{SampleRate: 1, EncodedAudioString: r.clip(), ContentType: "audio/wav"}}
	case awkwardImages:
		var strings [][]byte
		for range usually(r, 1, 0, 2, 3) {
			strings = append(strings, r.picture())
		}
		tensor(r.strings(append([][]byte{[]byte("1"), []byte("2")}, strings...)))
	case awkwardClips:
		var strings [][]byte
		for range usually(r, 1, 0, 2, 3) {
			strings = append(strings, r.clip())
		}
		t := r.strings(strings)
		if r.rand.IntN(2) == 0 {
			for i := range strings {
				t.StringVal = append(t.StringVal[:2*i+1:2*i+1], append([][]byte{[]byte("label")}, t.StringVal[2*i+1:]...)...)
			}
			t.TensorShape = usually(r, dims(int64(len(strings)), 2), dims(int64(len(strings)), 0), dims(1, 1, 2), dims(int64(len(strings)), -2))
		}
		tensor(t)
	case awkwardText:
		text := usually(r, []byte("word"), []byte("*hi*"), []byte{0xff}, nil)
		tensor(usually(r, &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, StringVal: [][]byte{text}},
			r.strings([][]byte{text, text}), &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, TensorShape: dims(2, 2), StringVal: [][]byte{text}},
			&eventpb.TensorProto{Dtype: eventpb.DataType_STRING, TensorShape: dims(0, 2, 2)}, r.scalar(f),
			&eventpb.TensorProto{Dtype: eventpb.DataType_STRING, TensorShape: dims(2, 1, 1), StringVal: [][]byte{text, {0xff}}}))
	case awkwardCurve:
		t := &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: usually(r, dims(6, 2), dims(6, 0), dims(7, 2), dims(5, 2), dims(12), dims(1, 6, 2))}
		for i := range 12 {
			t.FloatVal = append(t.FloatVal, float32(i%3))
		}
		t.FloatVal[r.rand.IntN(12)] = usually(r, float32(1), float32(math.NaN()), float32(math.Inf(1)))
		if r.oddly() {
			t.FloatVal = t.FloatVal[:1]
		}
		tensor(t)
	case awkwardOwn:
		tensor(usually(r, &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(2), FloatVal: []float32{f, 2}}, r.scalar(f), r.strings([][]byte{[]byte("x")})))
	case awkwardHParams:
		if r.rand.IntN(2) == 0 {
			tensor(&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(0)})
		}
	case awkwardKeras:
		t := &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, StringVal: [][]byte{[]byte(`{"config": {"layers": []}}`)}}
		t.TensorShape = usually(r, nil, dims(1), dims(1, 1))
		tensor(t)
	}
}

func (r *awkwardRun) scalar(f float32) *eventpb.TensorProto {
	t := &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, FloatVal: []float32{f}}
	if r.rand.IntN(2) == 0 {
		t.TensorShape = dims()
	}
	bits := []byte{0, 0, 0, 0x40}
	return usually(r, t,
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorContent: bits},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorContent: bits, FloatVal: []float32{f}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorContent: bits[1:]},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, FloatVal: []float32{f, f}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(1), FloatVal: []float32{f}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(1, 1), FloatVal: []float32{f}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(-1), FloatVal: []float32{f}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(-1), TensorContent: bits},
		&eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(3), FloatVal: []float32{f}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_DOUBLE, DoubleVal: []float64{float64(f)}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_INT64, Int64Val: []int64{7}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_INT32, IntVal: []int32{-7}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_UINT8, IntVal: []int32{300}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_UINT32, Uint32Val: []uint32{7}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_UINT32, TensorContent: bits},
		&eventpb.TensorProto{Dtype: eventpb.DataType_HALF, HalfVal: []int32{0x3c01}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_HALF, HalfVal: []int32{0x10000}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_BFLOAT16, HalfVal: []int32{0x3c01}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_BOOL, BoolVal: []bool{true}},
		&eventpb.TensorProto{Dtype: eventpb.DataType_COMPLEX64, ScomplexVal: []float32{f, 1}},
		&eventpb.TensorProto{Dtype: 77, IntVal: []int32{3}},
		&eventpb.TensorProto{FloatVal: []float32{f}},
	)
}

func (r *awkwardRun) histo() *eventpb.HistogramProto {
	h := &eventpb.HistogramProto{Min: -0.5, Max: 1.5, Num: 7, Sum: 3, SumSquares: 5, BucketLimit: []float64{-1, 0, 1, math.MaxFloat64}, Bucket: []float64{0, 3, 4, 0}}
	return usually(r, h,
		&eventpb.HistogramProto{},
		&eventpb.HistogramProto{Num: 1, BucketLimit: []float64{1}, Bucket: []float64{0}},
		&eventpb.HistogramProto{Num: 3, Min: 1, Max: 2, BucketLimit: []float64{1, 2}, Bucket: []float64{3}},
		&eventpb.HistogramProto{Num: 3, Min: 1, Max: 2, BucketLimit: []float64{1}, Bucket: []float64{3, 2}},
		&eventpb.HistogramProto{Num: 3, Min: 1, Max: 2, BucketLimit: []float64{1}, Bucket: []float64{3, 2, 1}},
		&eventpb.HistogramProto{Num: 3, Min: 1, Max: 2, BucketLimit: []float64{1}, Bucket: []float64{3, 0, 0}},
		&eventpb.HistogramProto{Num: 3, Min: 1, Max: 2, Bucket: []float64{3}},
		&eventpb.HistogramProto{Min: 1, Max: 2, Bucket: []float64{3, 1}},
		&eventpb.HistogramProto{Num: 3, Min: math.NaN(), Max: 2, BucketLimit: []float64{1, 2}, Bucket: []float64{math.NaN(), 3}},
		&eventpb.HistogramProto{Num: 3, Min: -1e300, Max: 1e300, BucketLimit: []float64{1, 2}, Bucket: []float64{-1, 3}},
	)
}

func (r *awkwardRun) picture() []byte {
	gif := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
	return usually(r, append(gif, byte(r.rand.IntN(9))), []byte("text"), nil)
}

func (r *awkwardRun) clip() []byte {
	return usually(r, []byte{'R', 'I', 'F', 'F', byte(r.rand.IntN(9)), 'x', 'y'}, nil)
}

// strings is a tensor of rank 1, as a rule.
func (r *awkwardRun) strings(s [][]byte) *eventpb.TensorProto {
	n := int64(len(s))
	t := &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, StringVal: s, TensorShape: usually(r, dims(n), nil, dims(1, n), dims(n+1), dims(-1), dims())}
	t.Dtype = usually(r, t.Dtype, eventpb.DataType_FLOAT, eventpb.DataType_INVALID)
	return t
}

func dims(sizes ...int64) *eventpb.TensorShapeProto {
	s := &eventpb.TensorShapeProto{}
	for _, n := range sizes {
		s.Dim = append(s.Dim, &eventpb.TensorShapeProto_Dim{Size: n})
	}
	return s
}
